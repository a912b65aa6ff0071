import { PolicyStudioClient, ProblemError } from '@policy-studio/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Office, openOffice } from '../../packages/server/src/features/bundles/bundles.testkit.js';
import { putInForce } from '../../packages/server/src/features/decisions/in-force.testkit.js';

let office: Office;
let client: PolicyStudioClient;
beforeAll(async () => {
  office = await openOffice();
  const needsPeople = {
    id: 'deploys',
    agent: '*',
    action: 'deploy',
    effect: 'needs_approval' as const,
    reason: 'somebody has to look at it',
    budget: { risk: 'high' as const },
  };
  await putInForce(office, { rules: [needsPeople] });
  client = new PolicyStudioClient({ url: office.url, token: await office.createKey('agent', { owner: 'Robot' }) });
});
afterAll(() => office.close());

const question = (version: string) => ({ agent: 'planner.deploy', action: 'deploy', context: { version } });
const asPerson = (token: string) => new PolicyStudioClient({ url: office.url, token });

describe('an enforcement point that waits', () => {
  it('is allowed when two people have approved, and its record says by which approval', async () => {
    const verdict = await client.evaluateWithApproval(question('1'), {
      onWaiting: async ({ id }) => {
        await asPerson(office.ann).approvals.approve({ id });
        await asPerson(office.bob).approvals.approve({ id, comment: 'go' });
      },
    });
    expect(verdict).toMatchObject({ allowed: true, decision: { overlays: [{ kind: 'approved' }] } });
    const again = await client.evaluateWithApproval(question('1'), { waitMs: 1 });
    expect(again).toMatchObject({ allowed: false, effect: 'needs_approval' });
  });

  it('of several that wait for the same approval one is allowed', async () => {
    let people = 0;
    const verdicts = await Promise.all(
      Array.from({ length: 5 }, () =>
        client.evaluateWithApproval(question('2'), {
          onWaiting: async ({ id }) => {
            people += 1;
            if (people < 5) return;
            await asPerson(office.ann).approvals.approve({ id });
            await asPerson(office.bob).approvals.approve({ id });
          },
        }),
      ),
    );
    expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(1);
    expect(verdicts.filter(({ effect }) => effect === 'needs_approval')).toHaveLength(4);
  });

  it('hears who rejected, and why', async () => {
    const verdict = await client.evaluateWithApproval(question('3'), {
      onWaiting: ({ id }) => void asPerson(office.ann).approvals.reject({ id, comment: 'on Fridays we rest' }),
    });
    expect(verdict).toMatchObject({ allowed: false, effect: 'needs_approval' });
    expect(verdict.reason).toContain('rejected by Ann: on Fridays we rest');
  });

  it('cannot approve for itself', async () => {
    const { decision } = await client.evaluate(question('4'));
    const own = client.approvals.approve({ id: decision?.approval?.id ?? 0 });
    await expect(own).rejects.toBeInstanceOf(ProblemError);
    await expect(own).rejects.toMatchObject({ code: 'forbidden' });
  });
});
