import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../decide.js';
import type { RuleInput } from '../generated/rule.js';
import { anyRule, lists } from '../rules.testkit.js';
import { fixedCodes, lintCodes } from './check.js';
import { allOf, catalogOf, found, policyOf, rule } from './lint.testkit.js';
import { lint, lintSource } from './run.js';

describe('lint', () => {
  it('has nothing to say about no rules', () => {
    expect(lint([])).toEqual({
      errors: [],
      warnings: [],
      info: [],
      suppressed: [],
      summary: { total_rules: 0, errors: 0, warnings: 0, info: 0, suppressed: 0, total_issues: 0 },
      passed: true,
    });
  });

  const throwing = [
    {
      get id(): string {
        throw new Error('no');
      },
    },
  ];
  const loop: Record<string, unknown> = { id: 'rule-a' };
  loop.conditions = { not: loop };
  loop.metadata = { lint_ignore: loop };
  it.each([
    [null],
    [undefined],
    [5],
    ['rules'],
    [{ rules: [] }],
    [throwing],
    [[loop]],
    [[new Proxy({}, { get: () => loop, ownKeys: () => ['id'] })]],
    [Object.assign([rule('rule-a', 'deny')], { length: 5 })],
    [[rule('rule-a', 'deny', { conditions: { x: Symbol('x') } as never })]],
    [[rule('rule-a', 'deny', { metadata: { big: 1n } as never })]],
  ])('answers an error to what is no array of rules: case %#', (value) => {
    expect(lint(value).passed).toBe(false);
  });

  it('never throws, whatever it is given', () => {
    const keys = [
      'id',
      'agent',
      'action',
      'effect',
      'conditions',
      'reason',
      'budget',
      'metadata',
      'enabled',
      'priority',
    ];
    const like = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), fc.anything({ maxDepth: 3 }));
    const near = fc.tuple(anyRule('rule-a'), like).map(([sound, more]) => ({ ...sound, ...more }));
    const written = fc.array(fc.oneof(near, like, fc.anything()), { maxLength: 4 });
    fc.assert(
      fc.property(written, fc.boolean(), (rules, known) => {
        const report = lint(rules, { lists: known ? {} : null });
        expect(report.passed).toBe(report.errors.length === 0);
        for (const { code } of allOf(report)) expect(lintCodes).toContain(code);
      }),
      { numRuns: 300 },
    );
  });

  it('shows requests that `decide` confirms, and errors of which there is one for each refused rule', () => {
    const ids = ['rule-a', 'rule-b', 'rule-c', 'rule-d'];
    const set = fc.tuple(...ids.map((id) => anyRule(id)));
    fc.assert(
      fc.property(set, (rules) => {
        const report = lint(rules, { lists });
        const policy = policyOf(rules, lists);
        for (const finding of allOf(report)) {
          if (finding.witness === undefined) continue;
          const { matched_rule } = decide(policy, finding.witness);
          // Unreachable and conflict: another rule decides; redundant: the rule itself does.
          if (finding.code === 'redundant') expect(matched_rule).toBe(finding.rule_id);
          if (finding.code === 'unreachable') expect(matched_rule).not.toBe(finding.rule_id);
          for (const id of finding.related ?? []) expect(ids).toContain(id);
          const alone = policyOf(
            rules.filter(({ id }) => id === finding.rule_id),
            lists,
          );
          expect(decide(alone, finding.witness).matched_rule).toBe(finding.rule_id);
        }
      }),
      { numRuns: 120 },
    );
  });

  it('is the same whatever order the rules are in, apart from the places', () => {
    const ids = ['rule-a', 'rule-b', 'rule-c'];
    const said = (rules: readonly RuleInput[]) =>
      allOf(lint(rules, { lists }))
        .map(({ code, rule_id, message, severity }) => `${severity} ${code} ${rule_id} ${message}`)
        .sort();
    fc.assert(
      fc.property(fc.tuple(...ids.map((id) => anyRule(id))), (rules) => {
        expect(said([...rules].reverse())).toEqual(said(rules));
      }),
      { numRuns: 80 },
    );
  });

  it('orders findings by rule, those about the whole first', () => {
    const catalog = catalogOf(['inbox.triage'], { quarantine: null, escalate: null });
    const rules = ['rule-c', 'rule-a', 'rule-b'].map((id) => rule(id, 'deny', { enabled: false }));
    expect(lint(rules, { catalog }).info.map(({ rule_id }) => rule_id)).toEqual([
      null,
      null,
      'rule-c',
      'rule-a',
      'rule-b',
    ]);
  });
});

describe('positions', () => {
  const yaml = `version: 1.0.0
rules:
  - id: rule-a
    agent: inbox.triage
    action: quarantine
    effect: deny
    conditions:
      any:
        - { x: 1 }
        - "=>risk": 80
    reason: A reason for a test.
`;
  it('are those of the source, in YAML and in JSON', () => {
    const [inYaml] = lintSource(yaml, 'yaml').errors;
    expect(inYaml).toMatchObject({ code: 'invalid-condition', line: 10, column: 11 });
    const json =
      '[\n  {"id": "rule-a", "agent": "*", "action": "x", "effect": "deny",\n   "priority": 2000, "reason": "long enough"}]';
    expect(lintSource(json, 'json').errors).toMatchObject([{ path: [0, 'priority'], line: 3, column: 4 }]);
  });
  it('point to the rule where the finding is about what is not there', () => {
    const { errors } = lintSource(yaml.replace('    reason: A reason for a test.\n', ''), 'yaml');
    const missing = errors.find(({ code }) => code === 'missing-reason');
    expect(missing).toMatchObject({ line: 3, column: 5 });
  });
  it('are the index of the rule where there is no source, and null where it is about none', () => {
    expect(found('missing-reason', [rule('rule-a', 'deny'), rule('rule-b', 'deny', { reason: '' })])).toMatchObject([
      { line: 1, column: 0 },
    ]);
    expect(lint(5).errors).toMatchObject([{ line: null, column: null, path: [] }]);
  });
});

describe('a text', () => {
  const whole = JSON.stringify(
    [rule('rule-a', 'deny', { conditions: { any: [{ '>=x': 1 }, { 'y in': ['a', 'b'] }] } })],
    null,
    1,
  );
  it('gives a report, however it is cut and spliced', () => {
    const piece = fc.tuple(
      fc.nat(whole.length),
      fc.nat(40),
      fc.oneof(fc.string(), fc.constantFrom('[', '}', '- ', '&a ', '*a', '\t', ': ')),
    );
    fc.assert(
      fc.property(fc.constantFrom('json', 'yaml'), fc.array(piece, { maxLength: 3 }), (format, pieces) => {
        const text = pieces.reduce((all, [at, cut, put]) => all.slice(0, at) + put + all.slice(at + cut), whole);
        const { errors, passed } = lintSource(text, format);
        expect(passed).toBe(errors.length === 0);
      }),
      { numRuns: 300 },
    );
  });
  it('gives the report of the rules it holds, with other places', () => {
    const withoutPlaces = (finding: object) => ({ ...finding, line: null, column: null });
    const plain = lint(JSON.parse(whole), { lists: {} });
    const fromText = lintSource(whole, 'json', { lists: {} });
    expect(allOf(fromText).map(withoutPlaces)).toEqual(allOf(plain).map(withoutPlaces));
    expect(fromText.summary).toEqual(plain.summary);
  });
});

describe('severities', () => {
  const shadowed = [
    rule('deny-risky', 'deny', { conditions: { '>=risk': 80 }, priority: 90 }),
    rule('allow-known', 'allow', { conditions: { known: true } }),
    rule('allow-rest', 'allow', { priority: 10 }),
  ];
  const conflicts = (severity: 'error' | 'warning' | 'info' | 'off') =>
    found('conflict', shadowed, { severities: { conflict: severity } }).map((each) => [
      each.related?.[0],
      each.severity,
    ]);

  it('move a code, and what its check makes light of stays light', () => {
    expect(conflicts('error')).toEqual([
      ['allow-known', 'error'],
      ['allow-rest', 'info'],
    ]);
    expect(conflicts('info').map(([, severity]) => severity)).toEqual(['info', 'info']);
    expect(conflicts('off')).toEqual([]);
  });
  it('decide whether the rules pass', () => {
    expect(lint(shadowed, { lists: {} }).passed).toBe(true);
    expect(lint(shadowed, { lists: {}, severities: { conflict: 'error' } }).passed).toBe(false);
  });
  it('do not move what the engine refuses', () => {
    for (const code of fixedCodes) {
      const broken = { ...rule('rule-a', 'deny'), effect: 'x' };
      expect(lint([broken], { severities: { [code]: 'off' } }).passed).toBe(false);
    }
  });
  it('take a missing reason down, and a short one with it', () => {
    const rules = [rule('rule-a', 'deny', { reason: '' }), rule('rule-b', 'deny', { reason: 'short' })];
    const severe = (severity: 'error' | 'info') =>
      found('missing-reason', rules, { severities: { 'missing-reason': severity } }).map((each) => each.severity);
    expect(severe('error')).toEqual(['error', 'warning']);
    expect(severe('info')).toEqual(['info', 'info']);
  });
});

describe('a suppression', () => {
  const reason = 'The newsletter team asked for it.';
  const wide = (metadata: Record<string, unknown>) => [rule('rule-a', 'allow', { action: '*', metadata })];

  it('takes a finding out of the warnings and lists it with its reason', () => {
    const report = lint(wide({ lint_ignore: { 'wide-allow': reason } }), { lists: {} });
    expect(report.warnings).toEqual([]);
    expect(report.suppressed).toMatchObject([{ code: 'wide-allow', rule_id: 'rule-a', reason, severity: 'warning' }]);
    expect(report.summary).toMatchObject({ suppressed: 1, warnings: 0, total_issues: 0 });
  });
  it('never takes an error, even one that the settings make', () => {
    const rules = wide({ lint_ignore: { 'wide-allow': reason } });
    const report = lint(rules, { lists: {}, severities: { 'wide-allow': 'error' } });
    expect(report.errors).toMatchObject([{ code: 'wide-allow' }]);
    expect(report.suppressed).toEqual([]);
  });
  it('holds for its own rule alone', () => {
    const rules = [...wide({ lint_ignore: { 'wide-allow': reason } }), rule('rule-b', 'allow', { action: '*' })];
    expect(found('wide-allow', rules).map(({ rule_id }) => rule_id)).toEqual(['rule-b']);
  });
  it('is not inherited from a prototype', () => {
    const metadata = Object.create({ lint_ignore: { 'wide-allow': reason } }) as Record<string, unknown>;
    expect(found('wide-allow', wide(metadata))).toHaveLength(1);
  });
});
