import type { AnalysisBudget } from '../analysis/analyse.js';
import { outcomeKey } from '../analysis/redundancy.js';
import { type SemanticChange, semanticDiff } from '../analysis/semantic-diff.js';
import type { CompiledCatalog } from '../catalog/compiled-catalog.js';
import { matchesName, patternsMeet } from '../catalog/name-pattern.js';
import { type CompiledPolicy, compile } from '../compile.js';
import { type DecisionRequest, decide, type PolicyDecision } from '../decide.js';
import type { Effect, Rule, RuleInput } from '../generated/rule.js';
import { limits } from '../limits.js';
import type { Lists } from '../list.js';
import { parseRuleSet } from '../rule.js';
import type { SimulationCase } from './case.js';
import { failureOf } from './failure.js';
import { type Mutant, type MutantKind, mutantsOf } from './mutants.js';

export interface MutationOptions {
  /** Mutants that are tried at most, the first ones; 200 unless set. */
  readonly limit?: number;
  /** `deny` unless set. */
  readonly defaultEffect?: Effect;
  /** What witnesses keep to, as far as they can. */
  readonly catalog?: Pick<CompiledCatalog, 'pairs' | 'typing'> | null;
  /** For each mutant that no case notices: whether anything could. */
  readonly budget?: AnalysisBudget;
}

/** A mutant that no case noticed, though a request can tell it from the rules as they are. */
export interface Survivor {
  readonly mutant: string;
  readonly rule_id: string;
  readonly kind: MutantKind;
  readonly description: string;
  /** A case that would notice it: it expects what the rules say now. Look at it before you keep it. */
  readonly case: SimulationCase;
}

export interface MutationReport {
  /** Mutants that there are, and those that were tried; the others are beyond the limit. */
  readonly possible: number;
  readonly mutants: number;
  /** Those that some case noticed. */
  readonly killed: number;
  readonly survived: readonly Survivor[];
  /** Those that change no decision, proven: nothing could notice them. */
  readonly equivalent: number;
  /** Those that no case noticed, and of which it is not known whether any could. */
  readonly undecided: number;
  /** Share of killed among killed, survived and undecided, 0 to 1; 1 where there are none. */
  readonly score: number;
}

/** The trial of mutants, one at a time. */
export interface MutationRun {
  /** Mutants that are going to be tried. */
  readonly total: number;
  /** Tries the next mutant; false once there is none left. */
  next(): boolean;
  /** Of those tried so far. */
  report(): MutationReport;
}

const defaultLimit = 200;
const defaultMutantBudget: AnalysisBudget = { perQuery: 100_000, perPair: 500_000, total: 500_000 };

/**
 * Changes the rules in small ways, one at a time, and says which changes no case notices. A case that expects something
 * notices a change that makes it fail; one that expects nothing notices another effect, budget or number of approvers;
 * one that fails already notices nothing. The rules must be valid and their lists there: parse first, else it throws.
 */
export function mutationCoverage(
  rules: readonly RuleInput[],
  lists: Lists,
  cases: readonly SimulationCase[],
  options: MutationOptions = {},
): MutationReport {
  const run = createMutationRun(rules, lists, cases, options);
  while (run.next());
  return run.report();
}

/** `mutationCoverage` in steps. */
export function createMutationRun(
  rules: readonly RuleInput[],
  lists: Lists,
  cases: readonly SimulationCase[],
  options: MutationOptions = {},
): MutationRun {
  const { limit = defaultLimit, defaultEffect = 'deny' } = options;
  const parsed = parseRuleSet(rules, limits.rules);
  if ('diagnostics' in parsed) throw new Error(`only valid rules have mutants: ${parsed.diagnostics[0]?.message}`);
  const enabled = parsed.rules.map(({ rule }) => rule).filter((rule) => rule.enabled);
  const compiled = (some: readonly Rule[]) => compile({ rules: some }, lists, { defaultEffect });
  const base = compiled(enabled);
  if (Array.isArray(base)) throw new Error(`only valid rules have mutants: ${base[0]?.message}`);
  const all = mutantsOf(parsed.rules);
  const survived: Survivor[] = [];
  const counts = { tried: 0, killed: 0, equivalent: 0, undecided: 0 };
  let at = 0;
  const neighbourhoods = remembered((rule: Rule) => neighbourhoodOf(rule, enabled, cases, base, compiled));

  const attempt = (mutant: Mutant): void => {
    const original = enabled.find(({ id }) => id === mutant.rule_id) as Rule;
    const { rules: around, policy, watched } = neighbourhoods(original);
    const instead = mutant.changed();
    const changed = compiled(around.flatMap((rule) => (rule.id === mutant.rule_id ? (instead ?? []) : [rule])));
    // The change made conditions that break a limit: there is no such policy.
    if (Array.isArray(changed)) return;
    counts.tried += 1;
    if (watched.some(({ one, notices }) => notices(decide(changed, one)))) {
      counts.killed += 1;
      return;
    }
    const found = changesBetween(policy, changed, original, options);
    const [change] = found.changes;
    if (change !== undefined) {
      const request = found.known
        ? change.witness
        : underKnownNames(change.witness, watched, [policy, changed], options);
      survived.push(survivor(mutant, request, policy));
    } else if (found.equal) counts.equivalent += 1;
    else counts.undecided += 1;
  };
  return {
    total: Math.min(all.length, limit),
    next: () => {
      const mutant = at < limit ? all[at] : undefined;
      if (mutant === undefined) return false;
      at += 1;
      attempt(mutant);
      return true;
    },
    report: () => {
      const { tried, killed, equivalent, undecided } = counts;
      const open = killed + survived.length + undecided;
      return {
        possible: all.length,
        mutants: tried,
        killed,
        survived: [...survived],
        equivalent,
        undecided,
        score: open === 0 ? 1 : killed / open,
      };
    },
  };
}

interface Watched {
  readonly one: SimulationCase;
  notices(changed: PolicyDecision): boolean;
}

/** All that a change of one rule can make a difference to. */
interface Neighbourhood {
  /** Those that can hold for a request which the rule's patterns match; on such requests they decide as all rules do. */
  readonly rules: readonly Rule[];
  readonly policy: CompiledPolicy;
  readonly watched: readonly Watched[];
}

function neighbourhoodOf(
  rule: Rule,
  enabled: readonly Rule[],
  cases: readonly SimulationCase[],
  base: CompiledPolicy,
  compiled: (rules: readonly Rule[]) => ReturnType<typeof compile>,
): Neighbourhood {
  const rules = enabled.filter(
    (other) => patternsMeet(other.agent, rule.agent) && patternsMeet(other.action, rule.action),
  );
  const policy = compiled(rules);
  if (Array.isArray(policy)) throw new Error('some of valid rules are valid');
  const watched = cases
    .filter(({ agent, action }) => matchesName(rule.agent, agent) && matchesName(rule.action, action))
    .flatMap((one) => watchedOf(one, decide(base, one)));
  return { rules, policy, watched };
}

function watchedOf(one: SimulationCase, now: PolicyDecision): Watched[] {
  const { expected_effect, expected_rule, expected_reason } = one;
  if (expected_effect === undefined && expected_rule === undefined && expected_reason === undefined) {
    const outcome = outcomeOf(now);
    return [{ one, notices: (changed) => outcomeOf(changed) !== outcome }];
  }
  if (failureOf(one, now) !== null) return [];
  return [{ one, notices: (changed) => failureOf(one, changed) !== null }];
}

function outcomeOf({ effect, budget, min_approvers }: PolicyDecision): string {
  return outcomeKey({ effect, budget, minApprovers: min_approvers });
}

/** The changes, those that a catalog knows and that change the effect first, and whether it knows the first. */
function changesBetween(
  before: CompiledPolicy,
  after: CompiledPolicy,
  rule: Rule,
  { catalog, budget }: MutationOptions,
): { equal: boolean; changes: readonly SemanticChange[]; known: boolean } {
  const pairs = (catalog?.pairs() ?? []).filter(
    ({ agent, action }) => matchesName(rule.agent, agent) && matchesName(rule.action, action),
  );
  const { equal, changes } = semanticDiff(before, after, {
    pairs,
    budget: { ...defaultMutantBudget, ...budget },
    ...(catalog == null ? {} : { typing: (agent: string, action: string) => catalog.typing(agent, action) }),
  });
  const known = new Set(pairs.map(({ agent, action }) => `${agent} ${action}`));
  const isKnown = ({ witness: { agent, action } }: SemanticChange) => known.has(`${agent} ${action}`);
  const rank = (change: SemanticChange) => (isKnown(change) ? 0 : 2) + (change.from === change.to ? 1 : 0);
  const sorted = [...changes].sort((a, b) => rank(a) - rank(b));
  return { equal, changes: sorted, known: sorted[0] !== undefined && isKnown(sorted[0]) };
}

const pairsTried = 8;

/** The request in the name of an agent and an action that some case asks about, where it shows the same. */
function underKnownNames(
  witness: DecisionRequest,
  watched: readonly Watched[],
  [before, after]: readonly [CompiledPolicy, CompiledPolicy],
  { catalog }: MutationOptions,
): DecisionRequest {
  const pairs = new Map(watched.map(({ one: { agent, action } }) => [`${agent} ${action}`, { agent, action }]));
  for (const pair of [...pairs.values()].slice(0, pairsTried)) {
    const request = { ...pair, context: witness.context };
    if (catalog?.typing(pair.agent, pair.action)?.admits?.(request.context) === false) continue;
    if (outcomeOf(decide(before, request)) !== outcomeOf(decide(after, request))) return request;
  }
  return witness;
}

function survivor(
  { mutant, rule_id, kind, description }: Mutant,
  { agent, action, context }: DecisionRequest,
  policy: CompiledPolicy,
): Survivor {
  const { effect, matched_rule } = decide(policy, { agent, action, context });
  const offered: SimulationCase = {
    case_id: mutant,
    agent,
    action,
    context,
    expected_effect: effect,
    expected_rule: matched_rule,
  };
  return { mutant, rule_id, kind, description, case: offered };
}

/** What is made depends on the rule's patterns alone. */
function remembered<T>(make: (rule: Rule) => T): (rule: Rule) => T {
  const made = new Map<string, T>();
  return (rule) => {
    const key = `${rule.agent} ${rule.action}`;
    let value = made.get(key);
    if (value === undefined) {
      value = make(rule);
      made.set(key, value);
    }
    return value;
  };
}
