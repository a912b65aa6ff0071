import { describe, expect, it } from 'vitest';
import type { RuleInput } from '../generated/rule.js';
import { catalogOf, rule } from './lint.testkit.js';
import { lint } from './run.js';

/** Two thousand actions, each with a schema of its own. */
const wide = catalogOf(
  ['agent.a0', 'agent.a1'],
  Object.fromEntries(
    Array.from({ length: 2000 }, (_, i) => {
      const fields = Array.from({ length: 10 }, (_, j) => [
        `field_${i % 50}_${j}`,
        j % 2 === 0 ? {} : { type: 'number' },
      ]);
      return [
        `act.a${i}`,
        { type: 'object', properties: Object.fromEntries(fields), additionalProperties: i % 2 === 0 },
      ];
    }),
  ),
);
const many = (count: number, each: (i: number) => Partial<RuleInput>) =>
  Array.from({ length: count }, (_, i) => rule(`rule-${i}`, i % 3 === 0 ? 'allow' : 'deny', each(i)));
const options = { lists: {}, catalog: wide, catalogMode: 'open' } as const;

// Seconds at most where they would be minutes or hours if the work grew with rules times actions.
const patience = 60_000;

describe('lint ends soon on', () => {
  it(
    'rules about every action, each reading a field that is nearly one of thousands',
    () => {
      const rules = many(200, (i) => ({ agent: '*', action: '*', conditions: { [`>feild_${i % 50}_${i}`]: i } }));
      expect(lint(rules, options).summary.total_rules).toBe(200);
    },
    patience,
  );
  it(
    'thousands of names that the catalog nearly has',
    () => {
      const rules = many(4_000, (i) => ({ agent: `agnt.a${i}`, action: `act.b${i}` }));
      expect(lint(rules, options).summary.warnings).toBeGreaterThanOrEqual(8_000);
    },
    patience,
  );
  it(
    'thousands of rules that a caller can dodge',
    () => {
      const conditions = (i: number) => ({ [`>field_${(i % 1000) % 50}_1`]: i });
      const rules = many(2_000, (i) => ({ agent: 'agent.a1', action: `act.a${i % 1000}`, conditions: conditions(i) }));
      const { warnings, summary } = lint(rules, options);
      expect(warnings).toHaveLength(1001);
      expect(summary.warnings).toBeGreaterThan(1001);
    },
    patience,
  );
  it(
    'contradictions among many conditions',
    () => {
      const rest = Object.fromEntries(Array.from({ length: 14 }, (_, j) => [`g${j}`, j]));
      const rules = many(300, (i) => ({
        agent: '*',
        action: '*',
        conditions: { [`>f${i}`]: 5, [`<f${i}`]: 4, ...rest },
      }));
      const { warnings } = lint(rules, options);
      expect(warnings.filter(({ code }) => code === 'never-matches')).toHaveLength(300);
      expect(warnings[0]?.message).toContain('`"<f0":4` and `">f0":5` together');
    },
    patience,
  );
  it(
    'faults by the thousand',
    () => {
      const rules = Array.from({ length: 2_000 }, (_, i) => ({
        id: `rule-${i}`,
        conditions: Object.fromEntries(Array.from({ length: 32 }, (_, j) => [`=>x${j}`, 1])),
        metadata: { lint_ignore: Object.fromEntries(Array.from({ length: 20 }, (_, j) => [`wide-alow-${j}`, 1])) },
      }));
      const { errors, warnings } = lint(rules, options);
      expect([errors.length, warnings.length]).toEqual([1001, 1001]);
    },
    patience,
  );
});
