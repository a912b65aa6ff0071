import { problem } from '@policy-studio/contract';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, type AnsweringServer, answering, hangUp, jsonAnswer } from './answering-server.testkit.js';
import { PolicyStudioClient } from './client.js';

const question = { agent: 'bot', action: 'mail.send', context: { n: 1 } };
const decision = (effect: string, rest: object = {}): Answer =>
  jsonAnswer(200, {
    decision_id: '0199d1a0-0000-7000-8000-000000000001',
    ...question,
    effect,
    reason: `the policy says ${effect}`,
    overlays: [],
    ...rest,
  });
const waiting = decision('needs_approval', {
  approval: { id: 7, wait_url: '/policy/approvals/7?wait=30', expires_at: '2026-03-05T12:00:00.000Z' },
});
const approval = (status: string, votes: object[] = []): Answer => jsonAnswer(200, { id: 7, status, votes });

const opened: AnsweringServer[] = [];
afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));
async function serving(...answers: [Answer, ...Answer[]]) {
  const server = await answering(...answers);
  opened.push(server);
  return { server, client: new PolicyStudioClient({ url: server.url, retries: 0, random: () => 0 }) };
}
const bodies = ({ received }: AnsweringServer) =>
  received.map(({ method, url, body }) => (method === 'GET' ? url : JSON.parse(body)));

describe('evaluateWithApproval', () => {
  it('waits for people and asks the same again with their approval', async () => {
    const { server, client } = await serving(waiting, approval('pending'), approval('approved'), decision('allow'));
    const seen: number[] = [];
    const verdict = await client.evaluateWithApproval(
      { ...question, session: 's', request_id: 'mine' },
      { onWaiting: ({ id }) => seen.push(id) },
    );
    expect(verdict).toMatchObject({ allowed: true, effect: 'allow' });
    expect(seen).toEqual([7]);
    expect(bodies(server)).toEqual([
      { ...question, session: 's', request_id: 'mine' },
      '/policy/approvals/7',
      '/policy/approvals/7?wait=30',
      { ...question, session: 's', request_id: 'mine-approval-7', approval_id: 7 },
    ]);
  });

  it('gives the second question a request_id of its own where none can be derived', async () => {
    for (const rest of [{}, { request_id: 'x'.repeat(128) }]) {
      const { server, client } = await serving(waiting, approval('approved'), decision('allow'));
      await client.evaluateWithApproval({ ...question, ...rest });
      const [first, , second] = bodies(server);
      expect(second.request_id).toMatch(/^sdk-[0-9a-f]{32}$/);
      expect(second.request_id).not.toBe(first.request_id);
    }
  });

  it.each([decision('allow'), decision('deny'), decision('needs_approval')])(
    'asks once where there is nobody to wait for',
    async (answer) => {
      const { server, client } = await serving(answer);
      const verdict = await client.evaluateWithApproval(question);
      expect(verdict.allowed).toBe(verdict.effect === 'allow');
      expect(server.received).toHaveLength(1);
    },
  );

  it('does not ask again for what people refuse, and says who and why', async () => {
    const { server, client } = await serving(
      waiting,
      approval('rejected', [{ by: 'Ann', verdict: 'reject', comment: 'not today' }]),
    );
    const verdict = await client.evaluateWithApproval(question);
    expect(verdict).toMatchObject({ allowed: false, effect: 'needs_approval' });
    expect(verdict.reason).toBe('approval 7 was rejected by Ann: not today');
    expect(server.received).toHaveLength(2);
  });

  it.each(['canceled', 'expired', 'used'])('does not ask again for what is %s', async (status) => {
    const { server, client } = await serving(waiting, approval(status));
    expect(await client.evaluateWithApproval(question)).toMatchObject({
      allowed: false,
      reason: `approval 7 was ${status}`,
    });
    expect(server.received).toHaveLength(2);
  });

  it('gives up after waitMs, without hurrying a server that answers at once', async () => {
    const { server, client } = await serving(waiting, approval('pending'));
    const verdict = await client.evaluateWithApproval(question, { waitMs: 700 });
    expect(verdict).toMatchObject({ allowed: false, effect: 'needs_approval' });
    expect(verdict.reason).toContain('still waiting');
    expect(server.received.length).toBeLessThanOrEqual(4);
  });

  it('denies when the server is lost while it waits, and throws where that is asked for', async () => {
    for (const lost of [hangUp, jsonAnswer(404, problem('not_found', 'no such approval'))]) {
      const { client } = await serving(waiting, lost);
      expect(await client.evaluateWithApproval(question)).toMatchObject({
        allowed: false,
        effect: 'deny',
        decision: null,
      });
      const { client: strict } = await serving(waiting, lost);
      await expect(strict.evaluateWithApproval(question, { onError: 'throw' })).rejects.toThrow();
    }
  });

  it('takes the answer to the second question as it is: a policy that denies by now denies', async () => {
    const { client } = await serving(waiting, approval('approved'), decision('deny'));
    expect(await client.evaluateWithApproval(question)).toMatchObject({ allowed: false, effect: 'deny' });
  });

  it('ends with its signal', async () => {
    const { client } = await serving(waiting, approval('pending'));
    const signal = AbortSignal.timeout(100);
    const verdict = await client.evaluateWithApproval(question, { signal });
    expect(verdict).toMatchObject({ allowed: false, effect: 'deny' });
    expect(verdict.error?.code).toBe('aborted');
  });
});
