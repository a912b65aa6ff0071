import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { rule } from '../bundles/bundles.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict' });
});
afterAll(() => server?.close());

const lint = async (body: unknown) => {
  const answer = await server.call('lintRules', { body });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body;
};
const codes = (findings: readonly { code: string }[]) => findings.map(({ code }) => code);

describe('linting rules', () => {
  test('finds the recipes that the analysis proves, with a request that shows them', async () => {
    const { warnings } = await lint({
      rules: [
        rule('never', { conditions: { all: [{ '<current_hour': 8 }, { '>=current_hour': 18 }] } }),
        rule('low-scores', { effect: 'deny', priority: 80, conditions: { '<risk_score': 50 } }),
        rule('high-scores', { effect: 'deny', priority: 70, conditions: { '>=risk_score': 50 } }),
        rule('shadowed', { conditions: { 'risk_score exists': true } }),
      ],
    });
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'never-matches', rule_id: 'never' }));
    const shadowed = warnings.find(({ code }) => code === 'unreachable');
    expect(shadowed).toMatchObject({ rule_id: 'shadowed', related: ['low-scores', 'high-scores'], line: 3, column: 0 });
    expect(shadowed?.witness).toMatchObject({ agent: 'inbox.triage', action: 'quarantine' });
  });

  test('tells line and column of a source text, JSON or YAML', async () => {
    const yaml = 'rules:\n  - id: one-rule\n    agent: inbox.triage\n    action: quarantine\n    effect: perhaps\n';
    expect((await lint({ source: yaml, format: 'yaml' })).errors).toContainEqual(
      expect.objectContaining({ code: 'invalid-rule', line: 5, column: expect.any(Number) }),
    );
    const json = '[{"id": "one-rule",\n "agent": "inbox.triage", "action": "quarantine",\n "effect": "perhaps"}]';
    expect((await lint({ source: json })).errors).toContainEqual(
      expect.objectContaining({ code: 'invalid-rule', line: 3 }),
    );
    for (const broken of ['rules: [', '[{"id": "a", "id": "b"}]', '', '\u0000']) {
      const { errors, passed } = await lint({ source: broken, format: 'yaml' });
      expect([codes(errors), passed]).toEqual([['invalid-source'], false]);
    }
  });

  test('goes by the lists, the catalog and the settings of the workspace', async () => {
    const rules = [
      rule('one-rule', { conditions: { sender: { list: 'senders' } } }),
      rule('two-rule', { agent: 'inbox.traige', effect: 'deny' }),
    ];
    const before = await lint({ rules });
    expect(codes(before.errors)).toEqual(['invalid-condition', 'unknown-agent']);
    expect(before.errors[1]?.suggestion?.patch).toEqual([{ op: 'replace', path: '/1/agent', value: 'inbox.triage' }]);
    await server.call('putList', { params: { name: 'senders' }, body: { values: ['a@b.example'] } });
    const misnamed = await lint({ rules: [rule('one-rule', { conditions: { sender: { list: 'sendres' } } })] });
    expect(misnamed.errors).toMatchObject([
      {
        message: 'there is no list `sendres`, did you mean `senders`?',
        suggestion: { patch: [{ op: 'replace', path: '/0/conditions/sender/list', value: 'senders' }] },
      },
    ]);
    await server.call('putSettings', { body: { catalog: 'open', lint_severities: { 'missing-reason': 'off' } } });
    try {
      const { errors, warnings } = await lint({ rules: [...rules, rule('three', { reason: undefined })] });
      expect(errors).toEqual([]);
      expect(codes(warnings)).toContain('unknown-agent');
    } finally {
      await server.call('putSettings', { body: { catalog: 'strict', lint_severities: {} } });
    }
  });

  test('lists what rules answer themselves, apart', async () => {
    const answered = { lint_ignore: { 'wide-allow': 'agreed with the mail team' } };
    const { suppressed, warnings } = await lint({
      rules: [rule('one', { agent: '*', action: '*', metadata: answered })],
    });
    expect(suppressed).toMatchObject([{ code: 'wide-allow', reason: 'agreed with the mail team' }]);
    expect(codes(warnings)).not.toContain('wide-allow');
  });

  test('takes either rules or a source', async () => {
    for (const body of [{}, { rules: [], source: '' }, { format: 'yaml' }, { rules: [], format: 'json' }]) {
      const { status, problem } = await server.call('lintRules', { body });
      expect([status, problem.code]).toEqual([422, 'validation_failed']);
    }
  });

  test('keeps nothing', async () => {
    await lint({ rules: [rule('one')] });
    expect((await server.call('listBundles')).body.total).toBe(0);
  });
});

describe('whatever is sent', () => {
  const strange: fc.Arbitrary<unknown> = fc.oneof(
    fc.jsonValue(),
    fc.array(
      fc.dictionary(
        fc.constantFrom(
          'id',
          'agent',
          'action',
          'effect',
          'conditions',
          'metadata',
          'budget',
          '__proto__',
          'enabled',
          'x',
        ),
        fc.oneof(fc.jsonValue(), fc.constantFrom('one-rule', 'inbox.triage', 'allow', 'deny', '*')),
      ),
    ),
  );

  test('rules of any kind are findings', async () => {
    await fc.assert(
      fc.asyncProperty(strange, async (rules) => {
        const { summary, passed, errors } = await lint({ rules });
        expect(passed).toBe(summary.errors === 0);
        expect(Array.isArray(rules) || errors.length > 0).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('texts of any kind are findings', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }),
          strange.map((value) => JSON.stringify(value)),
        ),
        fc.constantFrom('json', 'yaml'),
        async (source, format) => {
          const { summary, errors } = await lint({ source: Buffer.from(source, 'utf8').toString('utf8'), format });
          expect(errors.length).toBe(summary.errors);
        },
      ),
      { numRuns: 150 },
    );
  });
});

test('a large lint leaves the event loop to decisions', async () => {
  const rules = Array.from({ length: 10_000 }, (_, index) =>
    rule(`rule-${index}`, {
      agent: 'inbox.triage',
      action: ['quarantine', 'escalate', 'allow'][index % 3],
      effect: index % 2 === 0 ? 'allow' : 'deny',
      priority: index % 1000,
      conditions: { '>=risk_score': index % 100, 'sender ==': `${index}@a.example` },
    }),
  );
  const body = JSON.stringify({ rules });
  // Its thread is warm then.
  await lint({ rules: [] });
  let longest = 0;
  let last = performance.now();
  const ticking = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 5);
  const started = performance.now();
  const answer = await fetch(`${server.url}/policy/lint`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' },
    body,
  });
  const took = performance.now() - started;
  clearInterval(ticking);
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
  // What is left is reading the body and writing the answer; linting them takes many times that.
  expect(longest).toBeLessThan(Math.max(250, took / 3));
}, 60_000);
