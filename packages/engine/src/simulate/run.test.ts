import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../decide.js';
import type { Effect } from '../generated/rule.js';
import { anyContext, anyRule, lists } from '../rules.testkit.js';
import type { SimulationCase } from './case.js';
import { fixtures } from './fixtures.js';
import { inboxRules, policyOf } from './policies.testkit.js';
import { createSimulation, simulate } from './run.js';

const asked = (case_id: string, context: Record<string, unknown> = {}, action = 'act'): SimulationCase => ({
  case_id,
  agent: 'agent',
  action,
  context,
});

describe('the fixtures', () => {
  it('are the nine, by name, agent and action', () => {
    expect(fixtures.map(({ case_id, agent, action }) => `${case_id} ${agent}.${action}`)).toEqual([
      'inbox_high_risk_new_domain inbox.triage.quarantine',
      'inbox_high_risk_known_domain inbox.triage.quarantine',
      'inbox_low_risk inbox.triage.quarantine',
      'knowledge_full_reindex knowledge.search.reindex',
      'knowledge_small_reindex knowledge.search.reindex',
      'planner_deploy_canary planner.deploy.deploy',
      'planner_rollback_critical planner.deploy.rollback',
      'edge_missing_fields inbox.triage.escalate',
      'edge_extreme_values inbox.triage.quarantine',
    ]);
  });
});

describe('a simulation', () => {
  it('counts each case once and adds up the budgets of those that need approval', () => {
    const { summary } = simulate(policyOf(inboxRules), fixtures);
    expect(summary).toEqual({
      total_cases: 9,
      allow_count: 2,
      deny_count: 2,
      approval_count: 2,
      no_match_count: 3,
      allow_rate: 2 / 9,
      deny_rate: 2 / 9,
      approval_rate: 2 / 9,
      no_match_rate: 3 / 9,
      estimated_cost: 42.5,
      estimated_compute: 13,
      allowed_cost: 14,
      allowed_compute: 6,
      breaches: [],
    });
  });

  it('tells no match from the default effect, whichever that is', () => {
    for (const defaultEffect of ['allow', 'deny', 'needs_approval'] as const) {
      const { summary, results } = simulate(policyOf([], { defaultEffect }), [asked('a')]);
      expect(summary).toMatchObject({ no_match_count: 1, allow_count: 0, deny_count: 0, approval_count: 0 });
      expect(results[0]).toMatchObject({ effect: null, matched_rule: null, budget: null });
    }
  });

  it('gives rates of 0 for no cases, and covers all of no rules', () => {
    const report = simulate(policyOf([]), []);
    expect(report.summary).toMatchObject({ total_cases: 0, allow_rate: 0, no_match_rate: 0, estimated_cost: 0 });
    expect(report.coverage).toEqual({ rules: [], never_hit: [], covered_rate: 1 });
    expect([report.results, report.examples, report.failures]).toEqual([[], [], []]);
  });

  it('counts a request that is too much work as denied, by no rule', () => {
    const big = Array.from({ length: 30_000 }, () => 'x'.repeat(60));
    const rules = Array.from({ length: 2000 }, (_, i) => ({
      id: `rule-${i}`,
      agent: '*',
      action: '*',
      effect: 'allow' as const,
      conditions: { 'l contains': `v${i}` },
    }));
    const { results, summary } = simulate(policyOf(rules), [asked('big', { l: big })]);
    expect(summary).toMatchObject({ deny_count: 1, no_match_count: 0 });
    expect(results[0]).toMatchObject({ effect: 'deny', matched_rule: null });
  });

  it('names the rules that decided nothing, disabled ones left out', () => {
    const { coverage } = simulate(
      policyOf([...inboxRules, { id: 'switched-off', agent: '*', action: '*', effect: 'allow', enabled: false }]),
      fixtures,
    );
    expect(coverage.never_hit).toEqual(['never-asked']);
    expect(coverage.covered_rate).toBe(4 / 5);
    expect(coverage.rules[0]).toEqual({ rule_id: 'deny-new-domains', effect: 'deny', hits: 2 });
    expect(coverage.rules.map(({ hits }) => hits).reduce((a, b) => a + b)).toBe(6);
  });

  it('says what each case answers as `decide` does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { maxLength: 6 }).chain((ids) => fc.tuple(...ids.map((_, i) => anyRule(`rule-${i}`)))),
        fc.array(anyContext, { maxLength: 12 }),
        fc.constantFrom<Effect>('allow', 'deny', 'needs_approval'),
        (rules, contexts, defaultEffect) => {
          const policy = policyOf(rules, { lists, defaultEffect });
          const cases = contexts.map((context, i) => asked(`c${i}`, context));
          const { results, summary, coverage } = simulate(policy, cases);
          const decisions = cases.map((one) => decide(policy, one));
          expect(results).toEqual(
            decisions.map(({ matched_rule, effect, reason, budget, default: isDefault }, i) => ({
              case_id: `c${i}`,
              matched_rule,
              effect: isDefault ? null : effect,
              reason,
              budget,
            })),
          );
          const { allow_count, deny_count, approval_count, no_match_count, total_cases } = summary;
          expect(allow_count + deny_count + approval_count + no_match_count).toBe(total_cases);
          expect(no_match_count).toBe(decisions.filter((decision) => decision.default).length);
          for (const { rule_id, hits } of coverage.rules) {
            expect(hits).toBe(decisions.filter(({ matched_rule }) => matched_rule === rule_id).length);
          }
        },
      ),
    );
  });

  it('bounds what it keeps and counts all', () => {
    const simulation = createSimulation(policyOf(inboxRules), { keptResults: 2, keptFailures: 1 });
    for (const one of fixtures) simulation.add({ ...one, expected_effect: 'allow' });
    const report = simulation.report();
    expect(report.results.map(({ case_id }) => case_id)).toEqual(fixtures.slice(0, 2).map(({ case_id }) => case_id));
    expect(report.failures).toHaveLength(1);
    expect(report.failure_count).toBe(7);
    expect(report.summary.total_cases).toBe(9);
  });
});

describe('breaches', () => {
  const costly = (cost: number, compute = 0, effect: Effect = 'needs_approval') =>
    policyOf([{ id: 'costly', agent: '*', action: '*', effect, budget: { cost, compute } }]);

  it('are named above the limit, not at it', () => {
    expect(simulate(costly(500), [asked('a'), asked('b')]).summary.breaches).toEqual([]);
    const { breaches } = simulate(costly(500.5, 51), [asked('a'), asked('b')]).summary;
    expect(breaches.map(({ kind, limit, value }) => [kind, limit, value])).toEqual([
      ['cost', 1000, 1001],
      ['compute', 100, 102],
    ]);
  });

  it('follow the limits given, one at a time', () => {
    const { breaches } = simulate(costly(5, 150), [asked('a')], { limits: { cost: 4 } }).summary;
    expect(breaches.map(({ kind, limit }) => [kind, limit])).toEqual([
      ['cost', 4],
      ['compute', 100],
    ]);
  });

  it('do not come from what rules allow or deny', () => {
    for (const effect of ['allow', 'deny'] as const) {
      expect(simulate(costly(5000, 5000, effect), [asked('a')]).summary.breaches).toEqual([]);
    }
  });

  it('do not come from rounding: ten thousand times 0.1 is 1,000', () => {
    const cases = Array.from({ length: 10_000 }, (_, i) => asked(`c${i}`));
    expect(simulate(costly(0.1), cases).summary).toMatchObject({ estimated_cost: 1000, breaches: [] });
  });

  it('stay finite where the sum is not', () => {
    const { summary } = simulate(costly(Number.MAX_VALUE), [asked('a'), asked('b'), asked('c')]);
    expect(summary.estimated_cost).toBe(Number.MAX_VALUE);
    expect(summary.breaches[0]?.kind).toBe('cost');
  });
});

describe('expectations', () => {
  const policy = policyOf(inboxRules);
  const [first] = fixtures as [SimulationCase];
  const failuresOf = (expected: Partial<SimulationCase>) => simulate(policy, [{ ...first, ...expected }]).failures;

  it('hold where effect, rule and reason are as expected', () => {
    expect(
      failuresOf({ expected_effect: 'deny', expected_rule: 'deny-new-domains', expected_reason: 'looked at' }),
    ).toEqual([]);
  });

  it('fail by effect, rule or reason, and say how', () => {
    expect(failuresOf({ expected_effect: 'allow' })).toEqual([
      {
        case_id: 'inbox_high_risk_new_domain',
        expected: 'allow',
        actual: 'deny',
        matched_rule: 'deny-new-domains',
        reason: 'new domains are looked at first',
        message: 'expected `allow`, got `deny` by the rule `deny-new-domains`',
      },
    ]);
    expect(failuresOf({ expected_rule: null })[0]?.message).toBe(
      'expected no rule to match, but it was decided by the rule `deny-new-domains`',
    );
    expect(failuresOf({ expected_rule: 'deny-new-domain' })[0]?.message).toBe(
      'expected the rule `deny-new-domain` to decide, but it was decided by the rule `deny-new-domains`; no enabled rule is called so, did you mean `deny-new-domains`?',
    );
    expect(failuresOf({ expected_rule: 'never-asked' })[0]?.message).not.toMatch(/called so/);
    expect(failuresOf({ expected_reason: 'nowhere' })[0]?.message).toMatch(/does not contain `nowhere`/);
  });

  it('compare with what is enforced: the default effect where no rule matches', () => {
    const one = { ...asked('a'), expected_effect: 'deny' as const, expected_rule: null };
    expect(simulate(policy, [one]).failures).toEqual([]);
    const [failure] = simulate(policyOf([], { defaultEffect: 'allow' }), [one]).failures;
    expect(failure?.message).toBe('expected `deny`, got `allow` by the default effect, since no rule matched');
  });
});

describe('examples', () => {
  it('show at most three of an outcome, of different rules where there are any', () => {
    const rules = ['one', 'two', 'three', 'four'].map((name, i) => ({
      id: `rule-${name}`,
      agent: '*',
      action: '*',
      effect: 'allow' as const,
      conditions: { n: i },
    }));
    const cases = [0, 0, 0, 0, 1, 2, 3].map((n, i) => asked(`c${i}`, { n }));
    const { examples } = simulate(policyOf(rules), [...cases, asked('none')]);
    expect(examples.map(({ outcome, case_id }) => `${outcome} ${case_id}`)).toEqual([
      'allow c0',
      'allow c4',
      'allow c5',
      'no_match none',
    ]);
    expect(examples[0]).toMatchObject({ context: { n: 0 }, agent: 'agent', action: 'act', matched_rule: 'rule-one' });
  });
});
