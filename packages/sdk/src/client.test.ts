import { problem } from '@policy-studio/contract';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  type AnsweringServer,
  answering,
  failure,
  hangUp,
  jsonAnswer,
  stall,
} from './answering-server.testkit.js';
import { type ClientOptions, PolicyStudioClient } from './client.js';

const question = { agent: 'inbox.triage', action: 'quarantine', context: { risk_score: 95 } };
const decision = {
  decision_id: '0199d1a0-0000-7000-8000-000000000001',
  created_at: '2026-03-01T09:00:00.000Z',
  agent: 'inbox.triage',
  action: 'quarantine',
  effect: 'allow',
  policy_effect: 'allow',
  matched_rule: 'allow-quarantine',
  reason: 'High risk mail is set apart',
  default: false,
  bundle: null,
  generation: 1,
  arm: 'stable',
  budget: null,
  errors: [],
  facts_used: {},
  overlays: [],
};
const allowed = jsonAnswer(200, decision);
const overloaded = (headers?: Record<string, string>) =>
  jsonAnswer(503, problem('overloaded', 'too much at once'), headers);

/** The server of the test; `opened` are all of them, to be closed. */
let server: AnsweringServer | null = null;
const opened: AnsweringServer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  server = null;
});

async function clientOf(
  answers: readonly [Answer, ...Answer[]],
  options: Partial<ClientOptions> = {},
): Promise<PolicyStudioClient> {
  server = await answering(...answers);
  opened.push(server);
  return new PolicyStudioClient({ url: server.url, token: 'a-key', timeoutMs: 10_000, random: () => 0, ...options });
}

describe('a call', () => {
  it('puts the members of its input into path, query, headers and body', async () => {
    const client = await clientOf([jsonAnswer(200, {})], { workspace: 'team-a' });
    await client.bundles.updateBundle({ id: 3, 'if-match': '"7"', notes: 'ü', rules: [] });
    await client.approvals.listApprovals({ status: 'pending', limit: 5 });
    await client.call('getBundleByVersion', { version: '1.2.0' });
    const [update, list, get] = server?.received ?? [];
    expect(update).toMatchObject({ method: 'PUT', url: '/policy/bundles/3', body: '{"notes":"ü","rules":[]}' });
    expect(update?.headers).toMatchObject({
      authorization: 'Bearer a-key',
      'x-workspace': 'team-a',
      'if-match': '"7"',
      'content-type': 'application/json',
    });
    expect(list).toMatchObject({ method: 'GET', body: '' });
    expect(list?.url).toBe('/policy/approvals?limit=5&status=pending');
    expect(get?.url).toBe('/policy/bundles/version/1.2.0');
  });

  it('answers the job that long work became as any other success, and tells the status to whoever asks', async () => {
    const job = { id: 7, kind: 'simulate', status: 'queued', progress: { done: 0, total: 10_001 } };
    const client = await clientOf([jsonAnswer(202, job, { location: '/policy/jobs/7' })]);
    const answer = await client.simulation.simulate({ bundle_id: 3, dataset: 'replay', window: { days: 30 } });
    expect('progress' in answer ? answer.id : null).toBe(7);
    const full = await client.send('simulate', { bundle_id: 3 });
    expect(full).toMatchObject({ notModified: false, status: 202, body: job });
    const bodies = server?.received.map(({ method, url, body }) => [method, url, JSON.parse(body)]);
    expect(bodies?.[0]).toEqual([
      'POST',
      '/policy/simulate',
      { bundle_id: 3, dataset: 'replay', window: { days: 30 } },
    ]);
    // Nothing is sent twice by itself: every repetition would be one more job.
    expect(bodies).toHaveLength(2);
  });

  it('keeps the path of a server that is served below one', async () => {
    const client = await clientOf([jsonAnswer(200, { status: 'ok' })]);
    const below = new PolicyStudioClient({ url: `${client.url}/tools/policy/` });
    await below.system.healthz();
    expect(server?.received[0]?.url).toBe('/tools/policy/healthz');
    expect(server?.received[0]?.headers.authorization).toBeUndefined();
  });

  it('cannot be led to another path by an argument', async () => {
    const client = await clientOf([jsonAnswer(200, {})]);
    await client.lists.getList({ name: '../bundles?x=1#y' });
    expect(server?.received[0]?.url).toBe('/policy/lists/..%2Fbundles%3Fx%3D1%23y');
    for (const name of ['..', '.', '']) {
      expect((await failure(client.lists.getList({ name }))).code).toBe('invalid_input');
    }
    expect(server?.received).toHaveLength(1);
  });

  it('answers undefined for an operation without a body, and the ETag where it is asked for', async () => {
    const empty: Answer = (response) => void response.writeHead(204).end();
    const client = await clientOf([empty, jsonAnswer(200, { id: 3 }, { etag: '"7"' })]);
    expect(await client.access.revokeApiKey({ id: 1 })).toBeUndefined();
    expect(await client.send('getBundle', { id: 3 })).toMatchObject({
      notModified: false,
      etag: '"7"',
      body: { id: 3 },
    });
  });

  it('tells a snapshot that has not changed from a new one', async () => {
    const unchanged: Answer = (response) => void response.writeHead(304, { etag: '"9"' }).end();
    const client = await clientOf([unchanged]);
    expect(await client.send('getSnapshot', { 'if-none-match': '"9"' })).toEqual({
      notModified: true,
      status: 304,
      etag: '"9"',
    });
  });

  it('carries every part of a problem', async () => {
    const body = {
      ...problem('version_taken', 'version `1.0.0` exists', [{ path: '/version', message: 'taken' }], { bundle_id: 4 }),
      request_id: 'req-7',
    };
    const client = await clientOf([jsonAnswer(409, body)]);
    const error = await failure(client.bundles.createBundle({ version: '1.0.0', rules: [] }));
    expect(error).toMatchObject({
      code: 'version_taken',
      status: 409,
      message: 'version `1.0.0` exists',
      errors: [{ path: '/version', message: 'taken' }],
      requestId: 'req-7',
      extra: { bundle_id: 4 },
    });
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      code: 'version_taken',
      bundle_id: 4,
      request_id: 'req-7',
    });
    expect(server?.received).toHaveLength(1);
  });

  it.each([
    ['a page of HTML', 200, 'text/html', '<html>', 'invalid_answer'],
    ['JSON that is cut off', 200, 'application/json', '{"a":', 'invalid_answer'],
    ['an empty body', 200, 'application/json', '', 'invalid_answer'],
    ["a proxy's error page", 500, 'text/html', '<html>', 'http_error'],
    ['JSON that is no problem', 400, 'application/json', '{"error":"x"}', 'http_error'],
  ])('says that it got %s', async (_, status, type, text, code) => {
    const client = await clientOf([(response) => void response.writeHead(status, { 'content-type': type }).end(text)]);
    const error = await failure(client.bundles.createBundle({ version: '1.0.0', rules: [] }));
    expect(error).toMatchObject({ code, status });
    expect(error.message).toContain(`${client.url}/policy/bundles`);
  });

  it('follows no redirect', async () => {
    const client = await clientOf([
      (response) => void response.writeHead(302, { location: 'http://evil.example/' }).end(),
    ]);
    const error = await failure(client.decisions.evaluate(question));
    expect(error).toMatchObject({ code: 'http_error', status: 302 });
    expect(server?.received).toHaveLength(1);
  });

  it('reads no more of an answer than it was told to', async () => {
    const endless: Answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => {
        while (!response.destroyed && response.write('"'.repeat(10_000)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    const client = await clientOf([endless], { maxAnswerBytes: 50_000 });
    expect((await failure(client.bundles.listBundles())).code).toBe('answer_too_large');
  });

  it.each([
    ['NaN', { amount: Number.NaN }, '/context/amount'],
    ['an infinite number', { amounts: [1, Number.POSITIVE_INFINITY] }, '/context/amounts/1'],
    ['a Date', { at: new Date(0) }, '/context/at'],
    ['a bigint', { a: { b: 1n } }, '/context/a/b'],
    ['a function', { 'a/b': () => 1 }, '/context/a~1b'],
  ])('refuses to send %s, which JSON would change', async (_, context, path) => {
    const client = await clientOf([allowed]);
    const error = await failure(client.decisions.evaluate({ ...question, context }));
    expect(error).toMatchObject({ code: 'invalid_input', errors: [{ path }] });
    expect(server?.received).toHaveLength(0);
  });

  it('refuses a circle and a body above the limit of the operation', async () => {
    const client = await clientOf([allowed]);
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect((await failure(client.decisions.evaluate({ ...question, context: circle }))).code).toBe('invalid_input');
    const context = { text: 'x'.repeat(1024 * 1024) };
    expect((await failure(client.decisions.evaluate({ ...question, context }))).message).toContain('1048576');
    expect(server?.received).toHaveLength(0);
  });
});

describe('repeating', () => {
  it('reads again after a refusal, and waits longer each time', async () => {
    const client = await clientOf([overloaded(), overloaded(), jsonAnswer(200, { bundles: [] })], { random: () => 1 });
    expect(await client.bundles.listBundles()).toEqual({ bundles: [] });
    const [first, second, third] = (server?.received ?? []).map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(95);
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(190);
  });

  it('reads again after a lost connection, and gives up after the retries', async () => {
    const client = await clientOf([hangUp, jsonAnswer(200, { bundles: [] })]);
    await client.bundles.listBundles();
    expect(server?.received).toHaveLength(2);
    const lost = await clientOf([hangUp], { retries: 1 });
    expect((await failure(lost.bundles.listBundles())).code).toBe('network_error');
    expect(server?.received).toHaveLength(2);
  });

  it('waits as long as the server asks', async () => {
    const client = await clientOf([overloaded({ 'retry-after': '1' }), jsonAnswer(200, { bundles: [] })]);
    await client.bundles.listBundles();
    const [first, second] = (server?.received ?? []).map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('does not wait beyond its deadline: it fails at once, and says how long the server asked for', async () => {
    const client = await clientOf([overloaded({ 'retry-after': '60' })]);
    const started = Date.now();
    expect(await failure(client.bundles.listBundles())).toMatchObject({ code: 'overloaded', retryAfterMs: 60_000 });
    expect(Date.now() - started).toBeLessThan(8000);
    expect(server?.received).toHaveLength(1);
  });

  it('never repeats a change, nor a question without a request_id', async () => {
    const client = await clientOf([overloaded()]);
    await failure(client.bundles.createBundle({ version: '1.0.0', rules: [] }));
    await failure(client.access.revokeApiKey({ id: 1 }));
    await failure(client.decisions.evaluate(question));
    expect(server?.received).toHaveLength(3);
  });

  it('repeats a question with a request_id, word by word', async () => {
    const client = await clientOf([hangUp, overloaded(), allowed]);
    await client.decisions.evaluate({ ...question, request_id: 'once' });
    const bodies = server?.received.map(({ body }) => body) ?? [];
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies).size).toBe(1);
  });

  it('does not repeat what the server has refused for good', async () => {
    const client = await clientOf([jsonAnswer(403, problem('forbidden', 'no'))]);
    await failure(client.bundles.listBundles());
    expect(server?.received).toHaveLength(1);
  });
});

describe('time', () => {
  it('ends a call that gets no answer, and names the address', async () => {
    const client = await clientOf([stall], { timeoutMs: 150 });
    const error = await failure(client.bundles.listBundles());
    expect(error).toMatchObject({ code: 'timeout', status: 0 });
    expect(error.message).toBe(`${client.url}/policy/bundles did not answer within 150 ms`);
  });

  it('ends a call whose answer stops halfway', async () => {
    const half: Answer = (response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).write('{"a"');
    const client = await clientOf([half], { timeoutMs: 150 });
    expect((await failure(client.bundles.listBundles())).code).toBe('timeout');
  });

  it('covers all attempts together', async () => {
    const client = await clientOf([overloaded()], { timeoutMs: 400, retries: 1000 });
    const started = Date.now();
    await failure(client.bundles.listBundles());
    expect(Date.now() - started).toBeLessThan(8000);
  });

  it('is longer where the server is asked to wait', async () => {
    const late: Answer = (response, received) => void setTimeout(() => allowed(response, received), 400);
    const client = await clientOf([late], { timeoutMs: 200 });
    await client.approvals.getApproval({ id: 1, wait: 5 });
    expect((await failure(client.approvals.getApproval({ id: 1 }))).code).toBe('timeout');
  });

  it('ends with the signal of the caller, also before it began and between attempts', async () => {
    const client = await clientOf([overloaded({ 'retry-after': '8' })]);
    expect((await failure(client.bundles.listBundles({}, { signal: AbortSignal.abort() }))).code).toBe('aborted');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const started = Date.now();
    expect((await failure(client.bundles.listBundles({}, { signal: controller.signal }))).code).toBe('aborted');
    expect(Date.now() - started).toBeLessThan(6000);
  });

  it('binds a fetch that ignores its signal', async () => {
    const client = new PolicyStudioClient({ url: 'http://x.test', fetch: () => new Promise(() => {}), timeoutMs: 50 });
    expect((await failure(client.bundles.listBundles())).code).toBe('timeout');
  });
});

describe('evaluate', () => {
  it('allows only what the server allows', async () => {
    const client = await clientOf([allowed, jsonAnswer(200, { ...decision, effect: 'needs_approval' })]);
    expect(await client.evaluate(question)).toMatchObject({ allowed: true, effect: 'allow', error: null, decision });
    expect(await client.evaluate(question)).toMatchObject({ allowed: false, effect: 'needs_approval', error: null });
  });

  it('gives each question an id of its own, so that it may be repeated', async () => {
    const client = await clientOf([hangUp, allowed]);
    expect((await client.evaluate(question)).allowed).toBe(true);
    await client.evaluate(question);
    const ids = server?.received.map(({ body }) => JSON.parse(body).request_id) ?? [];
    expect(ids[0]).toMatch(/^sdk-[0-9a-f]{32}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it.each<[string, Answer, string]>([
    ['refuses', jsonAnswer(403, problem('agent_not_permitted', 'not this agent')), 'agent_not_permitted'],
    ['stalls', stall, 'timeout'],
    ['hangs up', hangUp, 'network_error'],
    ['talks nonsense', jsonAnswer(200, { allowed: true }), 'invalid_answer'],
    ['answers null', jsonAnswer(200, null), 'invalid_answer'],
    ['answers an effect nobody knows', jsonAnswer(200, { ...decision, effect: 'ALLOW' }), 'invalid_answer'],
    ['answers another question', jsonAnswer(200, { ...decision, action: 'delete' }), 'invalid_answer'],
    ['answers without a record', jsonAnswer(200, { ...decision, decision_id: undefined }), 'invalid_answer'],
  ])('denies when the server %s', async (_, answer, code) => {
    const client = await clientOf([answer], { timeoutMs: answer === stall ? 200 : 10_000, retries: 0 });
    const verdict = await client.evaluate(question);
    expect(verdict).toMatchObject({ allowed: false, effect: 'deny', decision: null, error: { code } });
    expect(verdict.reason).toContain('no decision: ');
    expect((await failure(client.evaluate(question, { onError: 'throw' }))).code).toBe(code);
  });

  it('denies when nothing listens, and says so plainly', async () => {
    const gone = await answering(stall);
    await gone.close();
    const client = new PolicyStudioClient({ url: gone.url, retries: 0 });
    const { allowed: may, error } = await client.evaluate(question);
    expect(may).toBe(false);
    expect(error?.message).toBe(
      `cannot reach ${gone.url}/policy/evaluate: the connection was refused; is the server running?`,
    );
  });

  it('denies a context that cannot be sent as it is', async () => {
    const client = await clientOf([allowed]);
    const verdict = await client.evaluate({ ...question, context: { amount: Number.NaN } });
    expect(verdict).toMatchObject({ allowed: false, error: { code: 'invalid_input' } });
  });
});
