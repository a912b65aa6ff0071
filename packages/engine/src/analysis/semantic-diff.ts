import { canonicalJson } from '../canonical.js';
import type { CompiledPolicy } from '../compile.js';
import { testsOf } from '../condition.js';
import { formatCondition } from '../format-condition.js';
import type { Effect } from '../generated/rule.js';
import type { CompiledRule, Plan } from '../plan.js';
import { planFor } from '../policy-index.js';
import { type AnalysisBudget, defaultBudget, type Witness } from './analyse.js';
import type { Formula } from './atom.js';
import type { ContextTyping } from './domain.js';
import { type Limits, type PairModel, pairModel, rootOf } from './pair-model.js';
import { winnerBy } from './pair-record.js';
import { type Pair, type PairClass, pairsOf } from './pairs.js';
import { outcomeKey } from './redundancy.js';
import { placesFrom, type Region, regionOf } from './region.js';
import { areApart } from './root.js';
import type { UndecidedReason } from './solver.js';

export interface SemanticDiffOptions {
  /** What the contexts of a pair may hold; undefined: any JSON. */
  readonly typing?: (agent: string, action: string) => ContextTyping | undefined;
  /** Pairs to look at besides those the rules name. */
  readonly pairs?: readonly Pair[];
  readonly budget?: AnalysisBudget;
  /** Tells changes apart by the rule that decides afterwards as well, so that each of these rules is named. */
  readonly byRule?: boolean;
}

/** A kind of request that is decided otherwise. */
export interface SemanticChange {
  /** A name, or the pattern of the names that only rules with patterns match. */
  readonly agent: string;
  readonly action: string;
  readonly from: Effect;
  /** The same as `from` when only the budget or the number of approvers changes. */
  readonly to: Effect;
  readonly witness: Witness;
  /** The rules that decide the witness; null is the default effect. */
  readonly rules: { readonly from: string | null; readonly to: string | null };
}

export interface UndecidedChange {
  readonly agent: string;
  readonly action: string;
  readonly from: Effect;
  readonly to: Effect;
  readonly rules: { readonly from: string | null; readonly to: string | null };
  readonly reason: UndecidedReason;
}

export interface SemanticDiff {
  /** Proven: every request gets the same effect, budget and number of approvers. */
  readonly equal: boolean;
  /** Changes that may or may not be there; never to be read as none. At most one for each agent, action, from and to. */
  readonly undecided: readonly UndecidedChange[];
  /** One for each agent, action, from and to; general agents and actions first, then by name, `from` and `to`. */
  readonly changes: readonly SemanticChange[];
}

/**
 * All kinds of requests that two policies decide differently, each with a witness that `decide` confirms, or the proof
 * that there are none. Names, order and spelling do not count, nor do reasons; a named list that holds other values does.
 */
export function semanticDiff(
  before: CompiledPolicy,
  after: CompiledPolicy,
  options: SemanticDiffOptions = {},
): SemanticDiff {
  const budget = { ...defaultBudget, ...options.budget };
  let left = budget.total;
  const changes: SemanticChange[] = [];
  const undecided: UndecidedChange[] = [];
  const tags = listTags(before, after);
  const texts: Sides<Map<CompiledRule, string>> = [new Map(), new Map()];
  const seen = new Set<string>();
  const typings = new Map<ContextTyping | undefined, number>();
  const classes: PairClass[] = [
    ...pairsOf([before.index, after.index]),
    ...(options.pairs ?? []).map((pair) => ({ ...pair, agentPattern: pair.agent, actionPattern: pair.action })),
  ];
  for (const pair of classes) {
    const plans: Sides<Plan> = [
      planFor(before.index, pair.agent, pair.action),
      planFor(after.index, pair.agent, pair.action),
    ];
    const typing = options.typing?.(pair.agent, pair.action);
    if (!typings.has(typing)) typings.set(typing, typings.size);
    // The name of a pair is part of what is reported, so the same lists under two names are two pairs.
    const key = `${pair.agent} ${pair.action} ${typings.get(typing)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const changed = changedRules(plans, texts, tags);
    if (changed[0].length + changed[1].length === 0 && before.defaultEffect === after.defaultEffect) continue;
    const limits = { perQuery: budget.perQuery, perPair: Math.max(0, Math.min(budget.perPair, left)) };
    const made = comparisonOf(pair, plans, [before, after], tags, typing, limits);
    if (made === null) {
      undecided.push(...openChanges(pair, plans, [before.defaultEffect, after.defaultEffect], changed));
      continue;
    }
    const comparison = { ...made, byRule: options.byRule ?? false };
    for (const side of [0, 1] as const) {
      for (const rule of changed[side]) walk(comparison, side, rule);
      if (before.defaultEffect !== after.defaultEffect) walk(comparison, side, null);
    }
    changes.push(...sortedByKey(comparison.changes).map(([, change]) => change));
    for (const [found, open] of sortedByKey(comparison.undecided))
      if (!comparison.changes.has(found)) undecided.push(open);
    left -= limits.perPair - comparison.model.work.left;
  }
  return { equal: changes.length === 0 && undecided.length === 0, undecided, changes };
}

function sortedByKey<T>(found: ReadonlyMap<string, T>): [string, T][] {
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

type Sides<T> = readonly [T, T];
type Side = 0 | 1;
type ListTag = (name: string) => string;

/** Lists of one name that differ between the sides get another tag on each. */
function listTags(before: CompiledPolicy, after: CompiledPolicy): Sides<ListTag> {
  const known = new Map<string, boolean>();
  const listIn = (policy: CompiledPolicy, name: string) => {
    try {
      return policy.index.resources.list(name);
    } catch {
      return null; // a list only the other side uses
    }
  };
  const same = (name: string): boolean => {
    let answer = known.get(name);
    if (answer === undefined) {
      const a = listIn(before, name);
      const b = listIn(after, name);
      answer =
        a !== null &&
        b !== null &&
        a.normalize === b.normalize &&
        a.members.size === b.members.size &&
        [...a.members].every((member) => b.members.has(member));
      known.set(name, answer);
    }
    return answer;
  };
  return [(name) => (same(name) ? '' : 'before '), (name) => (same(name) ? '' : 'after ')];
}

/**
 * For each side, the places of the rules that have no twin on the other: a rule of the same priority, outcome and
 * condition. Where two rules of twins win on different sides, they have the same priority and effect, so only budgets
 * and approvers can make a difference there, and where these vary a twin must bear the same id.
 */
function changedRules(
  plans: Sides<Plan>,
  texts: Sides<Map<CompiledRule, string>>,
  tags: Sides<ListTag>,
): Sides<number[]> {
  const outcomes = new Map<string, Set<string>>();
  for (const plan of plans) {
    for (const rule of plan.rules) {
      const group = `${rule.priority} ${rule.effect}`;
      const known = outcomes.get(group) ?? new Set();
      outcomes.set(group, known.add(outcomeKey(rule)));
    }
  }
  const keys = ([0, 1] as const).map((side) =>
    plans[side].rules.map((rule) => {
      const mixed = (outcomes.get(`${rule.priority} ${rule.effect}`)?.size ?? 0) > 1;
      return `${mixed ? rule.id : ''} ${rule.priority} ${textOf(rule, texts[side], tags[side])}`;
    }),
  );
  const [first = [], second = []] = keys;
  return [missingFrom(first, second), missingFrom(second, first)];
}

function missingFrom(keys: readonly string[], others: readonly string[]): number[] {
  const known = new Set(others);
  return keys.flatMap((key, place) => (known.has(key) ? [] : [place]));
}

function textOf(rule: CompiledRule, known: Map<CompiledRule, string>, tag: ListTag): string {
  let text = known.get(rule);
  if (text === undefined) {
    const lists = testsOf(rule.condition).map(({ operand }) => (operand.kind === 'list' ? tag(operand.name) : ''));
    text = `${outcomeKey(rule)} ${lists.join('')}${canonicalJson(formatCondition(rule.condition))}`;
    known.set(rule, text);
  }
  return text;
}

/** Both sides' rules of one pair in one model: the later side's come after the earlier side's. */
interface Comparison {
  readonly pair: PairClass;
  readonly plans: Sides<Plan>;
  readonly defaults: Sides<Effect>;
  readonly model: PairModel;
  readonly byRule: boolean;
  readonly changes: Map<string, SemanticChange>;
  readonly undecided: Map<string, UndecidedChange>;
}

function comparisonOf(
  pair: PairClass,
  plans: Sides<Plan>,
  policies: Sides<CompiledPolicy>,
  tags: Sides<ListTag>,
  typing: ContextTyping | undefined,
  limits: Limits,
): Omit<Comparison, 'byRule'> | null {
  const clausal = ([0, 1] as const).flatMap((side) =>
    plans[side].rules.map(({ condition }) => ({
      condition,
      resources: policies[side].index.resources,
      listTag: tags[side],
    })),
  );
  const model = pairModel(clausal, typing, limits);
  if (model === null) return null;
  return {
    pair,
    plans,
    defaults: [policies[0].defaultEffect, policies[1].defaultEffect],
    model,
    changes: new Map(),
    undecided: new Map(),
  };
}

/** Every change that changed rules of a pair could make, where the pair is too large to look at. */
function openChanges(
  { agentPattern: agent, actionPattern: action }: PairClass,
  plans: Sides<Plan>,
  defaults: Sides<Effect>,
  changed: Sides<readonly number[]>,
): UndecidedChange[] {
  const open = new Map<string, UndecidedChange>();
  const note = (from: Outcome, to: Outcome) => {
    const key = `${from.effect} ${to.effect}`;
    const rules = { from: from.rule, to: to.rule };
    if (!open.has(key)) open.set(key, { agent, action, from: from.effect, to: to.effect, rules, reason: 'budget' });
  };
  const ofSide = (side: Side, places: readonly number[]): Outcome[] =>
    places.map((place) => {
      const { effect, id } = plans[side].rules[place] as CompiledRule;
      return { effect, rule: id };
    });
  const all = (side: Side): Outcome[] => {
    const outcomes = new Map<Effect, Outcome>([[defaults[side], { effect: defaults[side], rule: null }]]);
    for (const { effect, id } of plans[side].rules) outcomes.set(effect, { effect, rule: id });
    return [...outcomes.values()];
  };
  const defaultChanged = defaults[0] !== defaults[1];
  const changing = ([0, 1] as const).map((side) => [
    ...ofSide(side, changed[side]),
    ...(defaultChanged ? [{ effect: defaults[side], rule: null }] : []),
  ]);
  for (const from of changing[0] ?? []) for (const to of all(1)) note(from, to);
  for (const to of changing[1] ?? []) for (const from of all(0)) note(from, to);
  return sortedByKey(open).map(([, change]) => change);
}

interface Outcome {
  readonly effect: Effect;
  /** Null: the default. */
  readonly rule: string | null;
}

/** Finds the changes where this rule (null: the default) wins on its side, rule by rule of the other side. */
function walk(comparison: Comparison, side: Side, rule: number | null): void {
  const { plans, model } = comparison;
  const other: Side = side === 0 ? 1 : 0;
  const offset = side === 0 ? 0 : plans[0].rules.length;
  const otherOffset = side === 0 ? plans[0].rules.length : 0;
  const winner = winnerBy(plans[side]);
  const above = placesFrom(offset, offset + (rule ?? plans[side].rules.length));
  const region = regionOf(model, rule === null ? null : offset + rule, above, (context) => {
    const place = winner(context);
    return place === -1 ? -1 : offset + place;
  });
  const root = rule === null ? null : rootOf(model, offset + rule);
  if (rule !== null && root === null) return;
  const own = outcomeAt(comparison, side, rule);
  for (let place = 0; place < plans[other].rules.length; place++) {
    const otherRoot = rootOf(model, otherOffset + place);
    if (otherRoot === null || (root !== null && areApart(root, otherRoot))) continue;
    if (outcomeAt(comparison, other, place) !== own) {
      const formula = model.formulas[otherOffset + place] as Formula;
      if (!look(comparison, side, region, rule, place, [formula])) continue;
    }
    region.exclude(otherOffset + place);
    if (region.rest().kind === 'unsatisfiable') return;
  }
  if (outcomeAt(comparison, other, null) !== own) look(comparison, side, region, rule, null, []);
}

/** Notes whether the other side's rule (null: the default) decides part of the region; false when it does not. */
function look(
  comparison: Comparison,
  side: Side,
  region: Region,
  rule: number | null,
  place: number | null,
  formulas: readonly Formula[],
): boolean {
  const { pair, changes, undecided } = comparison;
  const places: Sides<number | null> = side === 0 ? [rule, place] : [place, rule];
  const from = effectAt(comparison, 0, places[0]);
  const to = effectAt(comparison, 1, places[1]);
  const rules = { from: idAt(comparison, 0, places[0]), to: idAt(comparison, 1, places[1]) };
  const key = comparison.byRule ? `${from} ${to} ${rules.to ?? ''}` : `${from} ${to}`;
  if (changes.has(key)) return true;
  const answer = region.find(formulas);
  if (answer.kind === 'unsatisfiable') return false;
  const found = {
    agent: pair.agentPattern,
    action: pair.actionPattern,
    from,
    to,
    rules,
  };
  if (answer.kind === 'undecided') {
    if (!undecided.has(key)) undecided.set(key, { ...found, reason: answer.reason });
  } else {
    changes.set(key, { ...found, witness: { agent: pair.agent, action: pair.action, context: answer.context } });
  }
  return true;
}

function ruleAt({ plans }: Comparison, side: Side, place: number | null): CompiledRule | null {
  return place === null ? null : (plans[side].rules[place] as CompiledRule);
}

function effectAt(comparison: Comparison, side: Side, place: number | null): Effect {
  return ruleAt(comparison, side, place)?.effect ?? comparison.defaults[side];
}

function idAt(comparison: Comparison, side: Side, place: number | null): string | null {
  return ruleAt(comparison, side, place)?.id ?? null;
}

function outcomeAt(comparison: Comparison, side: Side, place: number | null): string {
  const rule = ruleAt(comparison, side, place);
  return outcomeKey(rule ?? { effect: comparison.defaults[side], budget: null, minApprovers: null });
}
