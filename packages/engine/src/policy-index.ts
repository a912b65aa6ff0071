import type { Resources } from './check.js';
import { buildPlan, type CompiledRule, type Plan } from './plan.js';

/**
 * Finds the candidates of a request without scanning the rules. Every agent and action belongs to a class: its own
 * name when some rule names it, else its longest prefix with a rule (`inbox.*`), else `*`. Requests of one pair of
 * classes have the same candidates, so there are only as many plans as pairs of classes, whatever names callers send.
 */
export interface PolicyIndex {
  readonly buckets: ReadonlyMap<string, ReadonlyMap<string, readonly CompiledRule[]>>;
  readonly agents: Names;
  readonly actions: Names;
  readonly resources: Resources;
  /** Plans made so far, by class of agent, then of action. */
  readonly plans: Map<string, Map<string, Plan>>;
  /** The same plans, oldest first. */
  readonly made: { agentClass: string; actionClass: string; plan: Plan }[];
  weight: number;
}

interface Names {
  readonly exact: ReadonlySet<string>;
  /** `inbox` for the pattern `inbox.*` */
  readonly prefixes: ReadonlySet<string>;
}

/** Words of memory, 128 MB at the very most, that plans may take; beyond it the oldest are forgotten and made again when needed. */
const maxPlanWeight = 32_000_000;
const maxNameLength = 128;

/** An index over enabled rules that stand in decision order. */
export function buildIndex(
  rules: readonly (CompiledRule & { readonly agent: string; readonly action: string })[],
  resources: Resources,
): PolicyIndex {
  const buckets = new Map<string, Map<string, CompiledRule[]>>();
  for (const rule of rules) {
    const bucket = inner(buckets, rule.agent).get(rule.action);
    if (bucket === undefined) inner(buckets, rule.agent).set(rule.action, [rule]);
    else bucket.push(rule);
  }
  return {
    buckets,
    agents: namesIn(rules.map(({ agent }) => agent)),
    actions: namesIn(rules.map(({ action }) => action)),
    resources,
    plans: new Map(),
    made: [],
    weight: 0,
  };
}

/** The plan for a pair; names that no rule mentions are fine, and so are names that are none. */
export function planFor(index: PolicyIndex, agent: string, action: string): Plan {
  return index.plans.get(agent)?.get(action) ?? planForClasses(index, agent, action);
}

/** The candidates of a pair in decision order, without making its plan. */
export function candidatesFor(index: PolicyIndex, agent: string, action: string): readonly CompiledRule[] {
  return candidatesOf(index, classOf(index.agents, agent), classOf(index.actions, action));
}

function planForClasses(index: PolicyIndex, agent: string, action: string): Plan {
  const agentClass = classOf(index.agents, agent);
  const actionClass = classOf(index.actions, action);
  const known = index.plans.get(agentClass)?.get(actionClass);
  if (known !== undefined) return known;
  const plan = buildPlan(candidatesOf(index, agentClass, actionClass), index.resources);
  keep(index, agentClass, actionClass, plan);
  return plan;
}

export interface WarmUp {
  /** Pairs of agent and action patterns that the rules name. */
  readonly pairs: number;
  /** How many of them are ready. */
  readonly ready: number;
}

/**
 * Makes the plans of the pairs that rules name, those with most rules first, until the candidates looked at come to
 * `maxCandidates` or half of the memory for plans is taken. Plans that are there already cost nothing.
 */
export function prepare(index: PolicyIndex, maxCandidates: number): WarmUp {
  const pairs = [...index.buckets].flatMap(([agent, byAction]) =>
    [...byAction].map(([action, rules]) => ({ agent, action, size: rules.length })),
  );
  pairs.sort((a, b) => b.size - a.size);
  let candidates = 0;
  let ready = 0;
  for (const { agent, action } of pairs) {
    const known = index.plans.get(agent)?.get(action) !== undefined;
    if (!known && (candidates >= maxCandidates || index.weight > maxPlanWeight / 2)) continue;
    // A pattern is the name of its own class.
    const plan = planFor(index, agent, action);
    if (!known) candidates += plan.rules.length;
    ready += 1;
  }
  return { pairs: pairs.length, ready };
}

function keep(index: PolicyIndex, agentClass: string, actionClass: string, plan: Plan): void {
  index.weight += plan.weight;
  while (index.weight > maxPlanWeight) {
    const oldest = index.made.shift();
    if (oldest === undefined) break;
    index.weight -= oldest.plan.weight;
    const byAction = index.plans.get(oldest.agentClass);
    byAction?.delete(oldest.actionClass);
    if (byAction?.size === 0) index.plans.delete(oldest.agentClass);
  }
  inner(index.plans, agentClass).set(actionClass, plan);
  index.made.push({ agentClass, actionClass, plan });
}

function candidatesOf(index: PolicyIndex, agentClass: string, actionClass: string): readonly CompiledRule[] {
  const buckets: (readonly CompiledRule[])[] = [];
  const actionPatterns = patternsOf(index.actions, actionClass);
  for (const agentPattern of patternsOf(index.agents, agentClass)) {
    const byAction = index.buckets.get(agentPattern);
    if (byAction === undefined) continue;
    for (const actionPattern of actionPatterns) {
      const bucket = byAction.get(actionPattern);
      if (bucket !== undefined) buckets.push(bucket);
    }
  }
  if (buckets.length === 1) return buckets[0] as readonly CompiledRule[];
  return buckets.flat().sort((a, b) => a.rank - b.rank);
}

function namesIn(patterns: readonly string[]): Names {
  const exact = new Set<string>();
  const prefixes = new Set<string>();
  for (const pattern of patterns) {
    if (pattern.endsWith('.*')) prefixes.add(pattern.slice(0, -2));
    else if (pattern !== '*') exact.add(pattern);
  }
  return { exact, prefixes };
}

function classOf(names: Names, name: unknown): string {
  if (typeof name !== 'string') return '*';
  if (names.exact.has(name)) return name;
  for (const prefix of prefixesOf(name)) if (names.prefixes.has(prefix)) return `${prefix}.*`;
  return '*';
}

function patternsOf(names: Names, nameClass: string): string[] {
  const patterns = nameClass === '*' ? [] : [nameClass];
  for (const prefix of prefixesOf(nameClass)) {
    const pattern = `${prefix}.*`;
    if (pattern !== nameClass && names.prefixes.has(prefix)) patterns.push(pattern);
  }
  return [...patterns, '*'];
}

/** What stands before each dot, longest first. Patterns are at most 128 characters, so longer prefixes match none. */
function* prefixesOf(name: string): Generator<string> {
  for (let dot = name.lastIndexOf('.', maxNameLength); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    yield name.slice(0, dot);
  }
}

function inner<T>(outer: Map<string, Map<string, T>>, key: string): Map<string, T> {
  const known = outer.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, T>();
  outer.set(key, made);
  return made;
}
