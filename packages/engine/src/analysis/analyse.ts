import type { CompiledPolicy } from '../compile.js';
import type { DecisionRequest } from '../decide.js';
import { type CompiledRule, type Plan, readHosts, readValues, winnerOf } from '../plan.js';
import { type PolicyIndex, planFor } from '../policy-index.js';
import { type Reach, reachOf, type WinnerIn } from './coverage.js';
import type { ContextTyping } from './domain.js';
import { meetingOf } from './overlap.js';
import { type Limits, type PairModel, pairModel } from './pair-model.js';
import { type Pair, pairsOf } from './pairs.js';
import { outcomeKey, type Redundancy, redundancyOf } from './redundancy.js';
import type { UndecidedReason } from './solver.js';

/** Bounds of the work, in clause visits; they are counted, so the same input always gives the same answer. */
export interface AnalysisBudget {
  /** One question. */
  readonly perQuery?: number;
  /** All questions about one pair of agent and action. */
  readonly perPair?: number;
  /** The whole analysis. */
  readonly total?: number;
}

export interface AnalysisOptions {
  /** What the contexts of a pair may hold; undefined: any JSON. */
  readonly typing?: (agent: string, action: string) => ContextTyping | undefined;
  /** Pairs to look at besides those the rules name: those of a catalog, whose typing may differ. */
  readonly pairs?: readonly Pair[];
  readonly budget?: AnalysisBudget;
}

/** A request that shows a finding; `decide` confirms it. */
export type Witness = DecisionRequest;

/** Two rules of different effects that hold for one request. */
export interface Overlap {
  /** The lower of the two. */
  readonly rule: string;
  readonly witness: Witness;
  /** One allows what the other denies. */
  readonly opposed: boolean;
  /** They have the same priority, so their effects' rank decides. */
  readonly tie: boolean;
  /**
   * `exception`: whatever the higher rule matches, the lower one matches too, the usual way of carving something out;
   * `partial`: neither is so; null: undecided.
   */
  readonly relation: 'exception' | 'partial' | null;
}

export interface RuleOverlaps {
  /** The higher of the two. */
  readonly rule: string;
  /** All lower rules of another effect that it meets, and those of them that are opposed, tied, partial. */
  readonly count: number;
  readonly opposed: number;
  readonly ties: number;
  readonly partial: number;
  /** At most five, ties and partial ones first. */
  readonly shown: readonly Overlap[];
}

export interface Unreachable {
  readonly rule: string;
  /** The rules above that together take all it matches, none of which could be left out; in decision order. */
  readonly cover: readonly string[];
  /** A request it matches and another rule wins; null when none was found (it may never match at all). */
  readonly witness: Witness | null;
}

export interface Redundant {
  readonly rule: string;
  /** The rules that decide the same where it would be missed; null stands for the default effect. */
  readonly instead: readonly (string | null)[];
  /** A request it wins now. */
  readonly witness: Witness;
}

export interface Undecided {
  readonly question: 'never-matches' | 'unreachable' | 'redundant' | 'overlap';
  readonly rule: string;
  /** How many lower rules the question is open for; only with `overlap`. */
  readonly count?: number;
  readonly reason: UndecidedReason;
}

/** What holds of the enabled rules; each list is in decision order. Removing one redundant rule may make another needed. */
export interface Analysis {
  readonly neverMatches: readonly string[];
  readonly unreachable: readonly Unreachable[];
  readonly redundant: readonly Redundant[];
  readonly overlaps: readonly RuleOverlaps[];
  /** Never to be read as safe. */
  readonly undecided: readonly Undecided[];
  /** Lists of candidate rules looked at, and clause visits spent. */
  readonly pairs: number;
  readonly work: number;
}

export const defaultBudget: Required<AnalysisBudget> = { perQuery: 200_000, perPair: 4_000_000, total: 40_000_000 };
const shownOverlaps = 5;

/**
 * Which rules never match, never win, change nothing, or meet rules of another effect: exactly, apart from what is
 * `undecided`. Disabled rules are left out. Pure; the work is bounded and counted, so an answer never depends on the
 * machine.
 */
export function analyse(policy: CompiledPolicy, options: AnalysisOptions = {}): Analysis {
  const budget = { ...defaultBudget, ...options.budget };
  const findings = new Map<number, RuleFindings>();
  const scopes = scopesOf(policy.index);
  const seen = new Set<string>();
  const typings = new Map<ContextTyping | undefined, number>();
  let left = budget.total;
  let pairs = 0;
  for (const { agent, action } of [...pairsOf([policy.index]), ...(options.pairs ?? [])]) {
    const pair = { agent, action };
    const plan = planFor(policy.index, pair.agent, pair.action);
    const typing = options.typing?.(pair.agent, pair.action);
    if (!typings.has(typing)) typings.set(typing, typings.size);
    const key = `${typings.get(typing)} ${plan.rules.map(({ rank }) => rank).join(' ')}`;
    if (seen.has(key) || plan.rules.length === 0) continue;
    seen.add(key);
    pairs += 1;
    const limits = { perQuery: budget.perQuery, perPair: Math.min(budget.perPair, left) };
    left -= analysePair({ policy, pair, plan, typing, limits, findings, scopes });
  }
  return { ...collected([...findings.values()]), pairs, work: budget.total - left };
}

/** What the pairs say of one rule. */
interface RuleFindings {
  readonly rule: CompiledRule;
  never: boolean;
  reached: Witness | null;
  covered: { cover: Set<CompiledRule>; witness: Witness | null } | null;
  needed: boolean;
  redundant: { instead: Set<string | null>; witness: Witness } | null;
  readonly undecided: Map<Undecided['question'], UndecidedReason>;
  /** Lower rules already known to overlap or, whatever the pair, to be apart. */
  readonly met: Set<number>;
  overlaps: { count: number; opposed: number; ties: number; partial: number; shown: Overlap[] };
  openOverlaps: number;
}

interface PairTask {
  readonly policy: CompiledPolicy;
  readonly pair: Pair;
  readonly plan: Plan;
  readonly typing: ContextTyping | undefined;
  readonly limits: Limits;
  readonly findings: Map<number, RuleFindings>;
  readonly scopes: ReadonlyMap<number, Scope>;
}

interface Scope {
  readonly agent: string;
  readonly action: string;
}

/** Answers what is still open about the pair's rules; returns the work spent. */
function analysePair(task: PairTask): number {
  const { policy, plan, typing, limits } = task;
  const of = plan.rules.map((rule) => findingsOf(task.findings, rule));
  const listTag = () => '';
  const clausal = plan.rules.map(({ condition }) => ({ condition, resources: policy.index.resources, listTag }));
  const model = pairModel(clausal, typing, limits);
  const winnerIn = winnerBy(plan);
  const outcomes = [
    ...plan.rules.map(outcomeKey),
    outcomeKey({ effect: policy.defaultEffect, budget: null, minApprovers: null }),
  ];
  of.forEach((finding, rule) => {
    if (finding.needed) return;
    const reach = reachOf(model, rule, winnerIn);
    noteReach(task, finding, reach);
    if (reach.kind !== 'reachable') return;
    noteRedundancy(task, finding, redundancyOf(model, rule, outcomes, reach.context, winnerIn));
  });
  const wide = plan.rules.map(({ rank }) => isWide(task.scopes.get(rank)));
  for (let higher = 0; higher < of.length; higher++) {
    for (let lower = higher + 1; lower < of.length; lower++) {
      noteMeeting(task, model, higher, lower, wide[higher] === true && wide[lower] === true, winnerIn);
    }
  }
  return limits.perPair - Math.max(0, model.work.left);
}

/** Asks the policy's own plan, so that witnesses are confirmed by what decides requests. */
export function winnerBy(plan: Plan): WinnerIn {
  return (context) => {
    const values = readValues(plan, context);
    readHosts(plan, values);
    return winnerOf(plan, values);
  };
}

function findingsOf(findings: Map<number, RuleFindings>, rule: CompiledRule): RuleFindings {
  const known = findings.get(rule.rank);
  if (known !== undefined) return known;
  const made: RuleFindings = {
    rule,
    never: false,
    reached: null,
    covered: null,
    needed: false,
    redundant: null,
    undecided: new Map(),
    met: new Set(),
    overlaps: { count: 0, opposed: 0, ties: 0, partial: 0, shown: [] },
    openOverlaps: 0,
  };
  findings.set(rule.rank, made);
  return made;
}

function noteReach({ pair, plan }: PairTask, finding: RuleFindings, reach: Reach): void {
  switch (reach.kind) {
    case 'reachable':
      finding.reached ??= { ...pair, context: reach.context };
      break;
    case 'never':
      finding.never = true;
      break;
    case 'covered':
      finding.covered ??= { cover: new Set(), witness: null };
      finding.covered.witness ??= reach.context === null ? null : { ...pair, context: reach.context };
      for (const place of reach.cover) finding.covered.cover.add(plan.rules[place] as CompiledRule);
      break;
    case 'undecided':
      finding.undecided.set(reach.question, reach.reason);
  }
}

function noteRedundancy({ pair, plan }: PairTask, finding: RuleFindings, answer: Redundancy): void {
  switch (answer.kind) {
    case 'needed':
      finding.needed = true;
      break;
    case 'redundant':
      finding.redundant ??= { instead: new Set(), witness: finding.reached ?? { ...pair, context: {} } };
      for (const place of answer.instead) finding.redundant.instead.add(plan.rules[place]?.id ?? null);
      break;
    case 'undecided':
      finding.undecided.set('redundant', answer.reason);
  }
}

function noteMeeting(
  task: PairTask,
  model: PairModel,
  higher: number,
  lower: number,
  wide: boolean,
  winnerIn: WinnerIn,
): void {
  const { plan, pair, findings } = task;
  const above = plan.rules[higher] as CompiledRule;
  const below = plan.rules[lower] as CompiledRule;
  if (above.effect === below.effect) return;
  const finding = findings.get(above.rank) as RuleFindings;
  if (wide && finding.met.has(below.rank)) return;
  if (model.work.left <= 0) {
    finding.openOverlaps += 1;
    finding.undecided.set('overlap', 'budget');
    return;
  }
  const meeting = meetingOf(model, higher, lower, winnerIn);
  if (meeting.kind === 'undecided') {
    finding.openOverlaps += 1;
    finding.undecided.set('overlap', meeting.reason);
    return;
  }
  // Without a typing, conditions that are apart in one pair are apart in all.
  if (wide && (meeting.kind === 'overlap' || task.typing === undefined)) finding.met.add(below.rank);
  if (meeting.kind === 'apart') return;
  const inScope = isInScope(task.scopes.get(above.rank), task.scopes.get(below.rank));
  const relation = !inScope || meeting.within === false ? 'partial' : meeting.within === null ? null : 'exception';
  const effects = new Set([above.effect, below.effect]);
  const facts = {
    opposed: effects.has('allow') && effects.has('deny'),
    tie: above.priority === below.priority,
    relation,
  } as const;
  const { overlaps } = finding;
  overlaps.count += 1;
  overlaps.opposed += Number(facts.opposed);
  overlaps.ties += Number(facts.tie);
  overlaps.partial += Number(relation === 'partial');
  const last = overlaps.shown[shownOverlaps - 1];
  if (last !== undefined && weight(last) >= weight(facts)) return;
  const context = meeting.witness();
  if (context === null) return;
  overlaps.shown.push({ rule: below.id, witness: { ...pair, context }, ...facts });
  overlaps.shown.sort((x, y) => weight(y) - weight(x));
  overlaps.shown.splice(shownOverlaps);
}

function weight({ tie, opposed, relation }: Pick<Overlap, 'tie' | 'opposed' | 'relation'>): number {
  return Number(opposed && relation !== 'exception') * 4 + Number(tie) * 2 + Number(opposed);
}

/** The patterns of each rule, by rank. */
function scopesOf(index: PolicyIndex): ReadonlyMap<number, Scope> {
  const scopes = new Map<number, Scope>();
  for (const [agent, byAction] of index.buckets) {
    for (const [action, rules] of byAction) for (const { rank } of rules) scopes.set(rank, { agent, action });
  }
  return scopes;
}

function isWide(scope: Scope | undefined): boolean {
  return scope?.agent.endsWith('*') === true || scope?.action.endsWith('*') === true;
}

function isInScope(inner: Scope | undefined, outer: Scope | undefined): boolean {
  if (inner === undefined || outer === undefined) return false;
  return matchesAll(inner.agent, outer.agent) && matchesAll(inner.action, outer.action);
}

function matchesAll(inner: string, outer: string): boolean {
  if (outer === '*' || inner === outer) return true;
  return outer.endsWith('.*') && inner !== '*' && inner.startsWith(outer.slice(0, -1));
}

function collected(findings: RuleFindings[]): Omit<Analysis, 'pairs' | 'work'> {
  findings.sort((a, b) => a.rule.rank - b.rule.rank);
  const neverMatches: string[] = [];
  const unreachable: Unreachable[] = [];
  const redundant: Redundant[] = [];
  const overlaps: RuleOverlaps[] = [];
  const undecided: Undecided[] = [];
  for (const finding of findings) {
    const { id } = finding.rule;
    const open = (question: Undecided['question'], count?: number) => {
      const reason = finding.undecided.get(question);
      if (reason !== undefined)
        undecided.push({ question, rule: id, reason, ...(count === undefined ? {} : { count }) });
      return reason !== undefined;
    };
    if (finding.reached !== null) {
      if (!finding.needed && !open('redundant') && !reachOpen(finding) && finding.redundant !== null) {
        redundant.push({ rule: id, instead: [...finding.redundant.instead], witness: finding.redundant.witness });
      } else if (!finding.needed && reachOpen(finding) && !finding.undecided.has('redundant')) {
        undecided.push({ question: 'redundant', rule: id, reason: reachOpen(finding) as UndecidedReason });
      }
    } else if (!open('never-matches') && !open('unreachable')) {
      if (finding.covered !== null) {
        const cover = [...finding.covered.cover].sort((a, b) => a.rank - b.rank).map((rule) => rule.id);
        unreachable.push({ rule: id, cover, witness: finding.covered.witness });
      } else if (finding.never) neverMatches.push(id);
    }
    if (finding.overlaps.count > 0) {
      overlaps.push({ rule: id, ...finding.overlaps });
    }
    open('overlap', finding.openOverlaps);
  }
  return { neverMatches, unreachable, redundant, overlaps, undecided };
}

/** Why it is open in some pair whether the rule wins there. */
function reachOpen({ undecided }: RuleFindings): UndecidedReason | null {
  return undecided.get('never-matches') ?? undecided.get('unreachable') ?? null;
}
