import type { Resources } from '../check.js';
import type { Effect } from '../generated/rule.js';
import { type CompiledRule, nextOf, type Plan, readHosts, readValues, winnerOf } from '../plan.js';
import { type Reach, reachOf, type WinnerIn } from './coverage.js';
import type { ContextTyping } from './domain.js';
import { type Neighbours, neighboursOf } from './neighbours.js';
import { meetingOf, witnessOf } from './overlap.js';
import { type Limits, type PairModel, pairModel } from './pair-model.js';
import { outcomeKey, type Redundancy, redundancyOf } from './redundancy.js';
import type { Context, UndecidedReason } from './solver.js';

/** What the analysis found in one pair of agent and action. Rules are named by their place, so it holds for any rules that mean the same. */
export interface PairRecord {
  readonly rules: readonly RuleRecord[];
  /** Clause visits spent. */
  readonly work: number;
}

export interface RuleRecord {
  /** Null where it was known before that the rule is needed. */
  readonly reach: Reach | null;
  readonly redundancy: Redundancy | null;
  readonly meetings: Meetings;
}

/** The lower rules of another effect that a rule meets. */
export interface Meetings {
  readonly count: number;
  readonly opposed: number;
  readonly ties: number;
  readonly partial: number;
  /** Those of them that are among the weightiest, counting those known before; heaviest first. */
  readonly shown: readonly ShownMeeting[];
  /** Lower rules that later pairs need not look at again. */
  readonly settled: readonly number[];
  readonly open: number;
  readonly reason: UndecidedReason | null;
}

/** As `Overlap` in analyse.ts, by place. */
export interface ShownMeeting extends MeetingFacts {
  readonly lower: number;
  readonly context: Context;
}

export interface MeetingFacts {
  readonly opposed: boolean;
  readonly tie: boolean;
  readonly relation: 'exception' | 'partial' | null;
}

/** The patterns of a rule. */
export interface Scope {
  readonly agent: string;
  readonly action: string;
}

/** What a pair's answers depend on, all of it: two tasks that say the same have the same record. */
export interface PairTask {
  /** In decision order. */
  readonly rules: readonly CompiledRule[];
  readonly scopes: ReadonlyMap<number, Scope>;
  readonly resources: Resources;
  readonly defaultEffect: Effect;
  readonly typing: ContextTyping | undefined;
  readonly limits: Limits;
  /** What earlier pairs have settled, by place. */
  readonly known: readonly KnownBefore[];
  readonly plan: () => Plan;
}

/** What earlier pairs say of a rule, as far as it saves work. */
export interface KnownBefore {
  /** Without it some request gets another outcome. */
  readonly needed: boolean;
  /** The weights of the meetings shown so far, heaviest first. */
  readonly weights: readonly number[];
  /** Ranks of lower rules that it is settled how the rule meets. */
  readonly settled: ReadonlySet<number>;
}

export const shownMeetings = 5;

export function recordOf(task: PairTask): PairRecord {
  const { rules, typing, limits, resources, known } = task;
  const listTag = () => '';
  const clausal = rules.map(({ condition }) => ({ condition, resources, listTag }));
  const model = pairModel(clausal, typing, limits);
  if (model === null) return openRecord(task);
  const winnerIn = charged(winnerBy(task.plan()), model, rules.length);
  const neighbours = neighboursOf(model);
  const outcomes = [
    ...rules.map(outcomeKey),
    outcomeKey({ effect: task.defaultEffect, budget: null, minApprovers: null }),
  ];
  const answers = rules.map((_, place) => {
    if (known[place]?.needed === true) return { reach: null, redundancy: null };
    const reach = reachOf(model, place, winnerIn);
    if (reach.kind !== 'reachable') return { reach, redundancy: null };
    return { reach, redundancy: redundancyOf(model, place, outcomes, reach.context, winnerIn, neighbours) };
  });
  const wide = rules.map(({ rank }) => isWide(task.scopes.get(rank)));
  const meetings = meetingsIn(task, model, wide, winnerIn, neighbours);
  const records = answers.map((answer, place) => ({ ...answer, meetings: meetings(place) }));
  return { rules: records, work: limits.perPair - Math.max(0, model.work.left) };
}

/** Nothing is known of a pair that is too large to look at. */
function openRecord({ rules, known }: PairTask): PairRecord {
  const others = othersBelow(rules);
  const reach = { kind: 'undecided', question: 'never-matches', reason: 'budget' } as const;
  const records = rules.map((_, place): RuleRecord => {
    const open = others(place, place + 1);
    const found = { count: 0, opposed: 0, ties: 0, partial: 0, shown: [], settled: [] };
    return {
      reach: known[place]?.needed === true ? null : reach,
      redundancy: null,
      meetings: { ...found, open, reason: open > 0 ? 'budget' : null },
    };
  });
  return { rules: records, work: 0 };
}

/** Asks the policy's own plan, so that witnesses are confirmed by what decides requests. */
export function winnerBy(plan: Plan): WinnerIn {
  return (context, from) => {
    const values = readValues(plan, context);
    readHosts(plan, values);
    return from === undefined ? winnerOf(plan, values) : nextOf(plan, values, from);
  };
}

/** What makes a meeting worth showing. */
export function weightOf({ tie, opposed, relation }: MeetingFacts): number {
  return Number(opposed && relation !== 'exception') * 4 + Number(tie) * 2 + Number(opposed);
}

export function isWide(scope: Scope | undefined): boolean {
  return scope?.agent.endsWith('*') === true || scope?.action.endsWith('*') === true;
}

/** Looking for the winner is work as well; it grows with the rules. */
function charged(winnerIn: WinnerIn, { work }: PairModel, rules: number): WinnerIn {
  return (context, from) => {
    work.left -= 1 + rules / 512;
    return winnerIn(context, from);
  };
}

function meetingsIn(
  { rules, scopes, typing, known }: PairTask,
  model: PairModel,
  wide: readonly boolean[],
  winnerIn: WinnerIn,
  neighbours: Neighbours,
): (higher: number) => Meetings {
  const others = othersBelow(rules);
  return (higher) => {
    const above = rules[higher] as CompiledRule;
    const before = known[higher] as KnownBefore;
    // Null stands for one known before.
    const heaviest: { weight: number; meeting: ShownMeeting | null }[] = before.weights.map((weight) => {
      return { weight, meeting: null };
    });
    const settled: number[] = [];
    const found = { count: 0, opposed: 0, ties: 0, partial: 0, open: 0, reason: null as UndecidedReason | null };
    for (const lower of neighbours.below(higher)) {
      const below = rules[lower] as CompiledRule;
      if (above.effect === below.effect) continue;
      const bothWide = wide[higher] === true && wide[lower] === true;
      if (bothWide && before.settled.has(below.rank)) continue;
      if (model.work.left <= 0) {
        // All that is left stays open; rules that surely do not meet are among them, since nobody has looked.
        found.open += others(higher, lower);
        found.reason = 'budget';
        break;
      }
      const meeting = meetingOf(model, higher, lower);
      if (meeting.kind === 'undecided') {
        found.open += 1;
        found.reason = meeting.reason;
        continue;
      }
      // Without a typing, conditions that are apart in one pair are apart in all.
      if (bothWide && (meeting.kind === 'overlap' || typing === undefined)) settled.push(lower);
      if (meeting.kind === 'apart') continue;
      const inScope = isInScope(scopes.get(above.rank), scopes.get(below.rank));
      const facts = factsOf(above, below, inScope ? meeting.within : false);
      found.count += 1;
      found.opposed += Number(facts.opposed);
      found.ties += Number(facts.tie);
      found.partial += Number(facts.relation === 'partial');
      const weight = weightOf(facts);
      if ((heaviest[shownMeetings - 1]?.weight ?? -1) >= weight) continue;
      const context = witnessOf(model, higher, lower, winnerIn, meeting.context);
      if (context === null) continue;
      heaviest.push({ weight, meeting: { lower, context, ...facts } });
      heaviest.sort((x, y) => y.weight - x.weight).splice(shownMeetings);
    }
    const shown = heaviest.flatMap(({ meeting }) => meeting ?? []);
    return { ...found, shown, settled };
  };
}

/** How many rules from `lower` on have another effect than the higher rule. */
function othersBelow(rules: readonly CompiledRule[]): (higher: number, lower: number) => number {
  const counts = new Map<Effect, Int32Array>();
  for (const effect of new Set(rules.map((rule) => rule.effect))) {
    const from = new Int32Array(rules.length + 1);
    for (let i = rules.length - 1; i >= 0; i--) from[i] = (from[i + 1] as number) + Number(rules[i]?.effect !== effect);
    counts.set(effect, from);
  }
  return (higher, lower) => counts.get((rules[higher] as CompiledRule).effect)?.[lower] ?? 0;
}

function factsOf(above: CompiledRule, below: CompiledRule, within: boolean | null): MeetingFacts {
  return {
    opposed: above.effect !== 'needs_approval' && below.effect !== 'needs_approval' && above.effect !== below.effect,
    tie: above.priority === below.priority,
    relation: within === null ? null : within ? 'exception' : 'partial',
  };
}

function isInScope(inner: Scope | undefined, outer: Scope | undefined): boolean {
  if (inner === undefined || outer === undefined) return false;
  return matchesAll(inner.agent, outer.agent) && matchesAll(inner.action, outer.action);
}

function matchesAll(inner: string, outer: string): boolean {
  if (outer === '*' || inner === outer) return true;
  return outer.endsWith('.*') && inner !== '*' && inner.startsWith(outer.slice(0, -1));
}
