import type { RuleInput } from '@policy-studio/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { putInForce } from './in-force.testkit.js';

const rules: RuleInput[] = [
  {
    id: 'large-refunds',
    agent: '*',
    action: 'refund',
    effect: 'deny',
    priority: 80,
    conditions: { '>args.amount': 100 },
    reason: 'large refunds are made by people',
  },
  { id: 'refunds', agent: '*', action: 'refund', effect: 'allow', reason: 'small refunds are fine' },
  { id: 'free', agent: '*', action: 'quote', effect: 'allow', reason: 'quotes are free', budget: { cost: 0 } },
  { id: 'priced', agent: '*', action: 'order', effect: 'allow', reason: 'orders are fine', budget: { cost: 2 } },
  { id: 'plain', agent: '*', action: 'pay', effect: 'allow', reason: 'payments are fine', budget: { risk: 'low' } },
  {
    id: 'weak-secrets',
    agent: '*',
    action: 'login',
    effect: 'deny',
    priority: 80,
    conditions: { password: 'secret' },
    reason: 'this password is known to everybody',
  },
  { id: 'logins', agent: '*', action: 'login', effect: 'allow', reason: 'logins are fine' },
  { id: 'mails', agent: '*', action: 'mail', effect: 'allow', reason: 'mails are fine', conditions: { kind: 'note' } },
];
const refund = {
  type: 'object',
  properties: { args: { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] } },
  required: ['args'],
};
const login = {
  type: 'object',
  properties: { user: { type: 'string' }, password: { type: 'string', 'x-sensitive': true } },
};
const mail = {
  type: 'object',
  properties: {
    kind: { type: 'string' },
    to: {
      type: 'array',
      items: { type: 'object', properties: { address: { type: 'string', maxLength: 30, 'x-sensitive': true } } },
    },
  },
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await putInForce(server, { rules });
  await server.call('putCatalogAgent', { params: { agent: 'shop.bot' } });
  const actions = {
    refund: { context_schema: refund, cost: 0.5 },
    quote: { cost: 5 },
    order: { cost: 5 },
    pay: { cost: 5, agents: ['shop.*'] },
    login: { context_schema: login },
    mail: { context_schema: mail },
  };
  for (const [action, body] of Object.entries(actions)) {
    const { status } = await server.call('putCatalogAction', { params: { action }, body });
    expect(status).toBe(200);
  }
});
afterAll(() => server?.close());

const ask = async (action: string, context: unknown = {}, rest: object = {}) =>
  (await server.call('evaluate', { body: { agent: 'shop.bot', action, context, ...rest } })).body;
const record = async (id: string) => (await server.call('getDecision', { params: { id } })).body;
const replay = (id: string) => server.call('replayDecision', { params: { id } });
const reserved = async (id: string) =>
  (await server.db.pool.query('select reserved from decision where id = $1', [id])).rows[0].reserved;

describe('a request that violates the schema of its action', () => {
  test.each([
    [{ args: { amount: '5000' } }, ['args', 'amount']],
    [{ args: { amount: [5000] } }, ['args', 'amount']],
    [{ args: {} }, ['args', 'amount']],
    [{ args: 5000 }, ['args']],
    [{}, ['args']],
  ])('is denied, where a wrong type would have dodged the rule: %o', async (context, path) => {
    const decision = await ask('refund', context);
    expect(decision).toMatchObject({
      effect: 'deny',
      policy_effect: 'allow',
      matched_rule: 'refunds',
      reason: expect.stringContaining('does not fit the schema of `refund`'),
      overlays: [{ kind: 'context_invalid', policy_reason: 'small refunds are fine', violations: [{ path }] }],
    });
    expect(decision.errors.at(-1)).toEqual({ code: 'context_invalid', field: path.join('.') });
    const { body } = await server.call('replayDecision', { params: { id: decision.decision_id } });
    expect(body).toMatchObject({ same: true, decision: { effect: 'allow' } });
    expect(await reserved(decision.decision_id)).toBeNull();
  });

  test('is denied by the schema even where a rule denies it too, and both reasons are kept', async () => {
    const schema = { ...refund, additionalProperties: false };
    await server.call('putCatalogAction', { params: { action: 'refund' }, body: { context_schema: schema } });
    const decision = await ask('refund', { args: { amount: 5000 }, more: 1 });
    expect(decision).toMatchObject({
      effect: 'deny',
      policy_effect: 'deny',
      overlays: [{ kind: 'context_invalid', policy_reason: 'large refunds are made by people' }],
    });
    await server.call('putCatalogAction', { params: { action: 'refund' }, body: { context_schema: refund } });
  });

  test('is replayed to what the policy said', async () => {
    const { decision_id: id } = await ask('refund', { args: { amount: '5000' } });
    const { body } = await replay(id);
    expect(body).toMatchObject({ same: true, differences: [], decision: { effect: 'allow' } });
  });

  test('is denied in a batch in its place', async () => {
    const requests = [{ args: { amount: 1 } }, { args: { amount: '1' } }, { args: { amount: 2 } }].map((context) => ({
      agent: 'shop.bot',
      action: 'refund',
      context,
    }));
    const { body } = await server.call('evaluateBatch', { body: { requests } });
    expect(body.decisions.map((one) => 'effect' in one && one.effect)).toEqual(['allow', 'deny', 'allow']);
  });

  test('is denied whichever agent asks', async () => {
    const body = { agent: 'nobody.knows', action: 'refund', context: { args: { amount: '5000' } } };
    const decision = (await server.call('evaluate', { body })).body;
    expect([decision.effect, decision.overlays.map(({ kind }) => kind)]).toEqual([
      'deny',
      ['unknown_action', 'context_invalid'],
    ]);
  });

  test('does not count facts of the caller, which are set aside anyway', async () => {
    const schema = { ...refund, additionalProperties: false };
    await server.call('putCatalogAction', { params: { action: 'refund' }, body: { context_schema: schema } });
    const decision = await ask('refund', { args: { amount: 5 }, current_hour: 'noon' });
    expect([decision.effect, decision.overlays.map(({ kind }) => kind)]).toEqual(['allow', ['facts_discarded']]);
    await server.call('putCatalogAction', { params: { action: 'refund' }, body: { context_schema: refund } });
  });

  test('is only decided while `enforce_context` is off', async () => {
    await server.call('putSettings', { body: { enforce_context: false } });
    expect(await ask('refund', { args: { amount: '5000' } })).toMatchObject({ effect: 'allow', overlays: [] });
    await server.call('putSettings', { body: { enforce_context: true } });
    expect((await ask('refund', { args: { amount: '5000' } })).effect).toBe('deny');
  });

  test('is denied from the answer to the change of the schema on', async () => {
    expect((await ask('quote', { items: 'many' })).effect).toBe('allow');
    const schema = { properties: { items: { type: 'integer' } } };
    await server.call('putCatalogAction', { params: { action: 'quote' }, body: { context_schema: schema } });
    expect((await ask('quote', { items: 'many' })).effect).toBe('deny');
    await server.call('putCatalogAction', { params: { action: 'quote' }, body: { context_schema: null } });
    expect((await ask('quote', { items: 'many' })).effect).toBe('allow');
  });

  test('under one request id gives the same answer again, and another context is another request', async () => {
    const request_id = 'schema-1';
    const first = await ask('refund', { args: { amount: '5000' } }, { request_id });
    expect(await ask('refund', { args: { amount: '5000' } }, { request_id })).toEqual(first);
    const body = { agent: 'shop.bot', action: 'refund', context: { args: { amount: 5000 } }, request_id };
    expect((await server.call('evaluate', { body })).problem.code).toBe('request_id_reused');
  });
});

test('a batch that is much work by its schema lets others in between', async () => {
  const layers = 'abcdefgh';
  const nest = [...layers].map((name, index): [string, unknown] => {
    const next = { $ref: `#/$defs/${layers[index + 1]}` };
    return [name, index === layers.length - 1 ? { required: ['nowhere'] } : { anyOf: Array(6).fill(next) }];
  });
  const context_schema = { $ref: '#/$defs/a', $defs: Object.fromEntries(nest) };
  const put = await server.call('putCatalogAction', { params: { action: 'nest' }, body: { context_schema } });
  expect(put.status).toBe(200);
  const request = { agent: 'shop.bot', action: 'nest', context: { x: 1 } };
  let done = false;
  const batch = server.call('evaluateBatch', { body: { requests: Array(100).fill(request) } }).finally(() => {
    done = true;
  });
  let between = 0;
  while (!done) {
    await (await fetch(`${server.url}/healthz`)).text();
    between += 1;
  }
  const { decisions } = (await batch).body;
  expect(decisions.every((one) => 'effect' in one && one.overlays[0]?.kind === 'context_invalid')).toBe(true);
  expect(between).toBeGreaterThan(5);
});

describe('a request that the catalog does not know', () => {
  test.each([
    ['nobody.knows', 'refund', /no agent `nobody\.knows`/],
    ['shop.bot', 'dance', /no action `dance`/],
    ['inbox.triage', 'pay', /does not give `pay` to the agent `inbox\.triage`/],
  ])('is decided all the same, and marked: %s %s', async (agent, action, detail) => {
    const context = { args: { amount: 1 } };
    const decision = (await server.call('evaluate', { body: { agent, action, context } })).body;
    expect(decision.effect).toBe(action === 'dance' ? 'deny' : 'allow');
    expect(decision.overlays).toEqual([{ kind: 'unknown_action', detail: expect.stringMatching(detail) }]);
    expect((await record(decision.decision_id)).overlays).toEqual(decision.overlays);
  });

  test('is not marked once the catalog knows it', async () => {
    await server.call('putCatalogAction', { params: { action: 'dance' } });
    expect((await ask('dance')).overlays).toEqual([]);
  });
});

describe('what an allowed decision reserves', () => {
  test.each([
    ['order', 2],
    ['pay', 5],
    ['quote', null],
  ])('%s: the cost of the rule, else that of the catalog', async (action, cost) => {
    const decision = await ask(action);
    expect(await reserved(decision.decision_id)).toBe(cost);
  });

  test('counts under the cap, whoever set the price', async () => {
    const spent = (await server.db.pool.query("select amount from daily_spend where agent = '*'")).rows[0].amount;
    await server.call('putSettings', { body: { cost_budget_24h: spent + 7 } });
    expect((await ask('pay')).effect).toBe('allow');
    const denied = await ask('pay');
    expect([denied.effect, denied.overlays[0]?.kind]).toEqual(['deny', 'budget_exhausted']);
    await server.call('putSettings', { body: { cost_budget_24h: null } });
  });
});

describe('a field marked `x-sensitive`', () => {
  const secret = 'correct horse battery staple';

  test('decides and is not kept', async () => {
    const denied = await ask('login', { user: 'ada', password: 'secret' });
    expect(denied).toMatchObject({ effect: 'deny', matched_rule: 'weak-secrets' });
    const { decision_id: id } = await ask('login', { user: 'ada', password: secret });
    const kept = await record(id);
    expect(kept.context).toEqual({ user: 'ada', password: '[redacted]' });
    expect(kept.redacted).toEqual(['password']);
    const { rows } = await server.db.pool.query('select to_json(d)::text as text from decision d where id = $1', [id]);
    expect(rows[0].text).not.toContain(secret);
  });

  test('is not kept within arrays either, nor in what is said of a violation', async () => {
    const address = 'somebody.with.a.long.name@example.com';
    const decision = await ask('mail', { kind: 'note', to: [{ address: 'a@example.com' }, { address }] });
    expect(decision.effect).toBe('deny');
    const { rows } = await server.db.pool.query('select to_json(d)::text as text from decision d where id = $1', [
      decision.decision_id,
    ]);
    expect(rows[0].text).not.toContain('example.com');
  });

  test('is not kept when the request violates the schema by it', async () => {
    const { decision_id: id, effect } = await ask('login', { user: 'ada', password: { was: secret } });
    expect(effect).toBe('deny');
    expect(JSON.stringify(await record(id))).not.toContain(secret);
  });

  test('is not kept where the context has another shape than the schema, enforced or not', async () => {
    const address = 'ada@example.com';
    const shapes = [{ to: { address } }, { to: address }, { to: [address] }, { to: [[{ address }]] }];
    for (const enforce_context of [true, false]) {
      await server.call('putSettings', { body: { enforce_context } });
      for (const shape of shapes) {
        const { decision_id: id, effect } = await ask('mail', { kind: 'note', ...shape });
        expect(effect).toBe(enforce_context ? 'deny' : 'allow');
        const kept = await record(id);
        expect(JSON.stringify(kept)).not.toContain(address);
        expect(kept.context.kind).toBe('note');
      }
    }
    await server.call('putSettings', { body: { enforce_context: true } });
  });

  test('is named once however often it stands in a context', async () => {
    const to = Array.from({ length: 1500 }, (_, n) => ({ address: `a${n}@b.org` }));
    const { decision_id: id, effect } = await ask('mail', { kind: 'note', to });
    expect(effect).toBe('allow');
    const { redacted, context } = await record(id);
    expect(redacted).toEqual(['to']);
    expect(context.to).toEqual(to.map(() => ({ address: '[redacted]' })));
  });

  test('is named in few words, however long the names are', async () => {
    const schema = { additionalProperties: { additionalProperties: { type: 'integer', 'x-sensitive': true } } };
    await server.call('putCatalogAction', { params: { action: 'bag' }, body: { context_schema: schema } });
    const long = 'x'.repeat(2_000);
    const inner = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`n${n}`, 7_654_321]));
    const { decision_id: id } = await ask('bag', { [long]: inner });
    const { redacted, context } = await record(id);
    expect(redacted).toEqual([long]);
    expect(JSON.stringify(context)).not.toContain('7654321');
  });

  test('can be the whole context', async () => {
    const schema = { 'x-sensitive': true, properties: { pin: { type: 'integer' } } };
    await server.call('putCatalogAction', { params: { action: 'vault' }, body: { context_schema: schema } });
    const { decision_id: id } = await ask('vault', { pin: 1234, note: { deep: 'words' } });
    expect((await record(id)).context).toEqual({ pin: '[redacted]', note: '[redacted]' });
  });

  test('keeps a record from being replayed where rules read it, and from being traced', async () => {
    const { decision_id: id } = await ask('login', { user: 'ada', password: secret });
    const { status, problem } = await replay(id);
    expect([status, problem.code]).toEqual([409, 'not_replayable']);
    expect(problem.detail).toContain('`password`');
    const traced = await server.call('getDecision', { params: { id }, query: { explain: true } });
    expect(traced.problem.code).toBe('not_replayable');
  });

  test('does not where no rule reads it', async () => {
    const { decision_id: id } = await ask('mail', { kind: 'note', to: [{ address: 'a@example.com' }] });
    expect((await record(id)).redacted).toHaveLength(1);
    expect((await replay(id)).body.same).toBe(true);
  });

  test('that is absent leaves a record whole', async () => {
    const { decision_id: id } = await ask('login', { user: 'ada' });
    expect((await record(id)).redacted).toEqual([]);
    expect((await replay(id)).body.same).toBe(true);
  });

  test('is told from another value by the request id', async () => {
    const request_id = 'login-1';
    const first = await ask('login', { user: 'ada', password: secret }, { request_id });
    expect((await ask('login', { user: 'ada', password: secret }, { request_id })).decision_id).toBe(first.decision_id);
    const body = { agent: 'shop.bot', action: 'login', context: { user: 'ada', password: 'other' }, request_id };
    expect((await server.call('evaluate', { body })).problem.code).toBe('request_id_reused');
  });

  test('is traced by what was sent when a request is repeated', async () => {
    const request = { password: 'secret' };
    const rest = { request_id: 'login-2', explain: true };
    const [first, again] = [await ask('login', request, rest), await ask('login', request, rest)];
    expect(again).toEqual(first);
    expect(JSON.stringify(again.trace)).toContain('weak-secrets');
  });
});
