import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompiledPolicy, compile } from './compile.js';
import { decide } from './decide.js';
import { explain, type TraceNode } from './explain.js';
import type { RuleInput } from './generated/rule.js';
import { limits } from './limits.js';
import { anyContext, anyRule, lists } from './rules.testkit.js';

function policyOf(rules: RuleInput[]): CompiledPolicy {
  const policy = compile({ rules }, lists);
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy[0]));
  return policy;
}

const ask = { agent: 'agent', action: 'act' };
const rule = (id: string, rest: Partial<RuleInput> = {}): RuleInput => ({ id, ...ask, effect: 'allow', ...rest });

/** The fields and operators of the tests that mismatched, in order. */
function mismatchesIn(node: TraceNode): string[] {
  if (node.kind !== 'test') return node.of.flatMap(mismatchesIn);
  return node.result === 'mismatch' ? [`${node.field} ${node.operator}`] : [];
}

describe('an explanation', () => {
  it('shows every test of every candidate in decision order', () => {
    const policy = policyOf([
      rule('later', { conditions: { 'n in': [2, 1] } }),
      rule('first', {
        effect: 'deny',
        conditions: {
          not: { any: [{ '>=n': 'x' }, { 's exists': true }] },
          n: 1,
          's contains': 'a',
          '>n': { field: 'o' },
        },
      }),
      rule('elsewhere', { action: 'other' }),
    ]);
    const { decision, trace, truncated } = explain(policy, { ...ask, context: { n: 1, o: 2 } });
    expect(decision).toMatchObject({
      matched_rule: 'later',
      errors: [{ rule_id: 'first', field: 'n', operator: '>=' }],
    });
    expect(truncated).toBe(0);
    const test = (field: string, operator: string, expected: unknown, result: string, actual?: unknown) => ({
      kind: 'test',
      field,
      operator,
      expected,
      result,
      ...(actual === undefined ? {} : { actual }),
    });
    expect(trace).toEqual([
      {
        rule_id: 'first',
        effect: 'deny',
        priority: 50,
        matched: false,
        winner: false,
        condition: {
          kind: 'all',
          result: false,
          of: [
            test('n', '>', { field: 'o' }, 'not_met', 1),
            test('n', '==', 1, 'met', 1),
            {
              kind: 'not',
              result: true,
              of: [
                {
                  kind: 'any',
                  result: false,
                  of: [test('n', '>=', 'x', 'mismatch', 1), test('s', 'exists', true, 'missing')],
                },
              ],
            },
            test('s', 'contains', 'a', 'missing'),
          ],
        },
      },
      {
        rule_id: 'later',
        effect: 'allow',
        priority: 50,
        matched: true,
        winner: true,
        condition: test('n', 'in', [1, 2], 'met', 1),
      },
    ]);
  });

  it('traces at most 200 candidates and counts the others', () => {
    const policy = policyOf(Array.from({ length: 201 }, (_, i) => rule(`rule-${i}`, { conditions: { n: i } })));
    const { trace, truncated } = explain(policy, { ...ask, context: {} });
    expect([trace.length, truncated]).toEqual([200, 1]);
  });

  it('has no trace beyond the work limit', () => {
    const policy = policyOf(
      Array.from({ length: 20 }, (_, i) => rule(`rule-${i}`, { conditions: { 's matches': `x${i}` } })),
    );
    const { decision, trace, truncated } = explain(policy, { ...ask, context: { s: 'y'.repeat(200_000) } });
    expect(decision.errors).toEqual([{ code: 'work_exhausted' }]);
    expect([trace.length, truncated]).toEqual([0, 20]);
  });

  it('agrees with the decision: the first that matched won', () => {
    const rules = fc.tuple(...Array.from({ length: 8 }, (_, i) => anyRule(`rule-${i}`)));
    fc.assert(
      fc.property(rules, anyContext, (bundle, context) => {
        const request = { ...ask, context };
        const { decision, trace } = explain(policyOf(bundle), request);
        expect(decision).toEqual(decide(policyOf(bundle), request));
        expect(trace.find(({ matched }) => matched)?.rule_id ?? null).toBe(decision.matched_rule);
        expect(trace.filter(({ winner }) => winner).map(({ rule_id }) => rule_id)).toEqual(
          decision.matched_rule === null ? [] : [decision.matched_rule],
        );
      }),
      { numRuns: 500 },
    );
  });

  it('shows the very mismatches that the decision lists: those up to the winner', () => {
    const rules = fc.tuple(...Array.from({ length: 40 }, (_, i) => anyRule(`rule-${i}`)));
    let listed = 0;
    fc.assert(
      fc.property(rules, fc.array(anyContext, { minLength: 4, maxLength: 4 }), (bundle, contexts) => {
        const policy = policyOf(bundle);
        for (const context of contexts) {
          const { decision, trace } = explain(policy, { ...ask, context });
          const winner = trace.findIndex(({ matched }) => matched);
          const considered = winner === -1 ? trace : trace.slice(0, winner + 1);
          const shown = considered.flatMap(({ rule_id, condition }) =>
            mismatchesIn(condition).map((test) => `${rule_id} ${test}`),
          );
          const reported = decision.errors.map(({ rule_id, field, operator }) => `${rule_id} ${field} ${operator}`);
          expect(reported).toEqual(shown.slice(0, limits.errors));
          listed += reported.length;
        }
      }),
      { numRuns: 100 },
    );
    expect(listed).toBeGreaterThan(100);
  });
});
