import { caseLimits, caseOutcomes, defaultBudgetLimits, mutantKinds } from '@policy-studio/engine';
import Type, { type Static } from 'typebox';
import { ApprovalPrediction } from './approval.js';
import { Rules } from './bundle.js';
import { Budget, Context } from './decision.js';
import { ConcreteName, Effect, Id, Label, Nullable, Timestamp } from './vocabulary.js';

/** Cases that are answered at once; more become a job. */
export const inlineCases = 10_000;
/** Cases of one simulation. */
export const maxCases = caseLimits.cases;

const CaseId = Label(caseLimits.idChars);

export const SimulationCase = Type.Object(
  {
    case_id: CaseId,
    agent: ConcreteName,
    action: ConcreteName,
    context: Context,
    expected_effect: Type.Optional(Effect),
    expected_rule: Type.Optional(Nullable(Label(64))),
    expected_reason: Type.Optional(Type.String({ maxLength: caseLimits.reasonChars })),
  },
  {
    $id: 'SimulationCase',
    additionalProperties: false,
    description: 'A request with a name. The context may hold facts; what is expected makes it a test.',
  },
);
export type SimulationCase = Static<typeof SimulationCase>;

/** A case as it is written. Its shape is checked by the engine, which names each fault with its place. */
const CaseDocument = Type.Unsafe<
  Partial<SimulationCase> &
    Pick<SimulationCase, 'agent' | 'action'> & { name?: string; facts?: Record<string, unknown> }
>({
  type: 'object',
  description:
    'A case as the fixtures have it. `case_id` may be called `name` or left out, `facts` may stand beside the context.',
});

export const datasets = ['fixtures', 'synthetic', 'replay', 'custom'] as const;
export type DatasetName = (typeof datasets)[number];

const Window = Type.Object(
  {
    from: Type.Optional(Timestamp),
    to: Type.Optional(Timestamp),
    days: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 3650, description: 'Instead of `from`: so long ago. Default 7.' }),
    ),
    agent: Type.Optional(ConcreteName),
    action: Type.Optional(ConcreteName),
    bundle_id: Type.Optional(Id),
    rule: Type.Optional(Label(64)),
    effect: Type.Optional(Effect),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: maxCases, description: `Default ${inlineCases.toLocaleString('en')}.` }),
    ),
  },
  { additionalProperties: false, description: 'Which recorded decisions are decided again: the newest that fit.' },
);
export type ReplayWindow = Static<typeof Window>;

/** Cases that stand in the request. */
export const CustomCases = Type.Optional(
  Type.Array(CaseDocument, { minItems: 1, maxItems: maxCases, description: 'Replace the dataset.' }),
);

const dataset = {
  dataset: Type.Optional(
    Type.Enum(datasets, {
      description:
        'Left out: `custom` with custom cases, `replay` with a window, `synthetic` with a count or a seed, else `fixtures`.',
    }),
  ),
  synthetic_count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 100.' })),
  seed: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 2147483647,
      description: 'Default 1337. The same seed gives the same synthetic cases.',
    }),
  ),
  custom_cases: CustomCases,
  custom_source: Type.Optional(
    Type.Object(
      { format: Type.Enum(['json', 'jsonl', 'csv']), text: Type.String() },
      { additionalProperties: false, description: 'Cases as a file holds them; replace the dataset.' },
    ),
  ),
  window: Type.Optional(Window),
  background: Type.Optional(
    Type.Boolean({
      description: `Make it a job in any case; above ${inlineCases.toLocaleString('en')} cases it always is one.`,
    }),
  ),
};

const caseBudgets = Type.Optional(
  Type.Object(
    {
      cost: Type.Optional(
        Type.Number({ minimum: 0, description: `USD. Default ${defaultBudgetLimits.cost.toLocaleString('en')}.` }),
      ),
      compute: Type.Optional(Type.Number({ minimum: 0, description: `Default ${defaultBudgetLimits.compute}.` })),
    },
    {
      additionalProperties: false,
      description: 'What the cases that need approval may come to together; above it the summary names a breach.',
    },
  ),
);

export const Simulate = Type.Object(
  {
    rules: Type.Optional(Rules),
    bundle_id: Type.Optional(Id),
    ...dataset,
    case_limits: caseBudgets,
  },
  {
    additionalProperties: false,
    description: 'Give `rules` or `bundle_id`.',
    examples: [
      {
        rules: [
          {
            id: 'deny-risky',
            agent: 'inbox.triage',
            action: 'quarantine',
            effect: 'deny',
            conditions: { '>=risk_score': 85 },
            reason: 'risky senders are left to people',
          },
        ],
        dataset: 'fixtures',
      },
    ],
  },
);
export type Simulate = Static<typeof Simulate>;

export const Compare = Type.Object(
  {
    rules_a: Type.Optional(Rules),
    bundle_a: Type.Optional(Id),
    rules_b: Type.Optional(Rules),
    bundle_b: Type.Optional(Id),
    ...dataset,
    case_limits: caseBudgets,
  },
  { additionalProperties: false, description: 'Give `rules_a` or `bundle_a`, and `rules_b` or `bundle_b`.' },
);
export type Compare = Static<typeof Compare>;

export const Mutate = Type.Object(
  {
    rules: Type.Optional(Rules),
    bundle_id: Type.Optional(Id),
    ...dataset,
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'Mutants that are tried at most. Default 200.' }),
    ),
  },
  { additionalProperties: false, description: 'Give `rules` or `bundle_id`.' },
);
export type Mutate = Static<typeof Mutate>;

const Rate = Type.Number({ minimum: 0, maximum: 1 });

export const SimulationSummary = Type.Object({
  total_cases: Type.Integer(),
  allow_count: Type.Integer(),
  deny_count: Type.Integer(),
  approval_count: Type.Integer(),
  no_match_count: Type.Integer({ description: 'No rule matched; these count as nothing else.' }),
  allow_rate: Rate,
  deny_rate: Rate,
  approval_rate: Rate,
  no_match_rate: Rate,
  estimated_cost: Type.Number({ description: 'USD in the budgets of the cases that need approval.' }),
  estimated_compute: Type.Number(),
  allowed_cost: Type.Number({ description: 'USD in the budgets of the cases that are allowed.' }),
  allowed_compute: Type.Number(),
  breaches: Type.Array(
    Type.Object({
      kind: Type.Enum(['cost', 'compute']),
      limit: Type.Number(),
      value: Type.Number(),
      message: Type.String(),
    }),
  ),
});
export type SimulationSummary = Static<typeof SimulationSummary>;

const CaseResult = Type.Object({
  case_id: Type.String(),
  matched_rule: Nullable(Type.String()),
  effect: Nullable(Effect),
  reason: Type.String(),
  budget: Nullable(Budget),
});

/**
 * A replay decides recorded requests again, each expected to come out as recorded, so that those that change are failures.
 * A record that lacks something is told apart and never counts as agreeing.
 */
const Replayed = Type.Object({
  n: Type.Integer({ description: 'Records that could be decided again.' }),
  of: Type.Integer({ description: 'Records that the window holds, up to its limit.' }),
  lacking: Type.Object({
    redacted: Type.Integer({ description: 'Fields that the rules read were redacted when it was recorded.' }),
    facts: Type.Integer({ description: 'The rules read facts that were not recorded.' }),
    unreadable: Type.Integer(),
  }),
});

/** What all three kinds of simulation say of the cases they ran on. */
const ran = {
  dataset: Type.Enum(datasets),
  seed: Nullable(Type.Integer({ description: 'Of a synthetic dataset: it gives the same cases again.' })),
  replayable: Type.Optional(Replayed),
};

export const Simulation = Type.Object(
  {
    ...ran,
    summary: SimulationSummary,
    results: Type.Array(CaseResult, { description: 'In the order of the cases.' }),
    examples: Type.Array(
      Type.Object({
        outcome: Type.Enum(caseOutcomes),
        case_id: Type.String(),
        agent: Type.String(),
        action: Type.String(),
        context: Context,
        matched_rule: Nullable(Type.String()),
        effect: Nullable(Effect),
        reason: Type.String(),
        budget: Nullable(Budget),
      }),
      { description: 'A few cases of each outcome.' },
    ),
    failures: Type.Array(
      Type.Object({
        case_id: Type.String(),
        expected: Nullable(Effect),
        actual: Effect,
        expected_rule: Type.Optional(Nullable(Type.String())),
        expected_reason: Type.Optional(Type.String()),
        matched_rule: Nullable(Type.String()),
        reason: Type.String(),
        message: Type.String(),
      }),
      { description: 'Cases that did not come out as expected, in their order, the first 1,000.' },
    ),
    failure_count: Type.Integer({ description: 'All of them.' }),
    coverage: Type.Object({
      rules: Type.Array(Type.Object({ rule_id: Type.String(), effect: Effect, hits: Type.Integer() })),
      never_hit: Type.Array(Type.String()),
      covered_rate: Rate,
    }),
  },
  { $id: 'Simulation' },
);
export type Simulation = Static<typeof Simulation>;

const transitions = Object.fromEntries(
  caseOutcomes.map((from) => [from, Type.Object(Object.fromEntries(caseOutcomes.map((to) => [to, Type.Integer()])))]),
);

export const Comparison = Type.Object(
  {
    ...ran,
    summary_a: SimulationSummary,
    summary_b: SimulationSummary,
    deltas: Type.Object(
      {
        allow_rate: Type.Number(),
        deny_rate: Type.Number(),
        approval_rate: Type.Number(),
        no_match_rate: Type.Number(),
        cost: Type.Number({ description: 'USD in the budgets of the cases that need approval.' }),
      },
      { description: 'B less A.' },
    ),
    transitions: Type.Object(transitions, {
      description: 'How many cases went from each outcome of A (outer key) to each of B.',
    }),
    changes: Type.Array(
      Type.Object({
        case_id: Type.String(),
        agent: Type.String(),
        action: Type.String(),
        before: Nullable(Effect),
        after: Nullable(Effect),
        before_rule: Nullable(Type.String()),
        after_rule: Nullable(Type.String()),
        same_effect: Type.Boolean({
          description: 'A rule says on one side what the default effect says on the other: what is enforced stays.',
        }),
        context: Context,
      }),
      { description: 'In the order of the cases, the first 1,000. `null` where no rule matched.' },
    ),
    total_changes: Type.Integer(),
    total_effect_changes: Type.Integer({ description: 'Those of them where what is enforced changes.' }),
    approvals: Type.Optional(ApprovalPrediction),
  },
  { $id: 'Comparison' },
);
export type Comparison = Static<typeof Comparison>;

export const MutationCoverage = Type.Object(
  {
    ...ran,
    possible: Type.Integer({ description: 'Small changes of the rules that there are.' }),
    mutants: Type.Integer({ description: 'Those that were tried, up to the limit.' }),
    killed: Type.Integer({ description: 'Those that some case noticed.' }),
    survived: Type.Array(
      Type.Object({
        mutant: Type.String(),
        rule_id: Type.String(),
        kind: Type.Enum(mutantKinds),
        description: Type.String(),
        case: SimulationCase,
      }),
      { description: 'Those that no case noticed, each with a case that would, as the rules stand.' },
    ),
    equivalent: Type.Integer({ description: 'Those that change no decision: nothing could notice them.' }),
    undecided: Type.Integer({
      description: 'Those that no case noticed, and of which it is not known whether any could.',
    }),
    score: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Share of killed among killed, survived and undecided.',
    }),
  },
  { $id: 'MutationCoverage' },
);
export type MutationCoverage = Static<typeof MutationCoverage>;
