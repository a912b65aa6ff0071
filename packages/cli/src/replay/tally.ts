import type { Effect, PolicyDecision } from '@policy-studio/engine';
import type { ReplayedCall } from './run.js';

/** The four outcomes are disjoint and add up to the calls; `no_match` took the default effect. */
export const outcomes = ['allow', 'deny', 'needs_approval', 'no_match'] as const;
export type Outcome = (typeof outcomes)[number];
export const effects: readonly Effect[] = ['allow', 'deny', 'needs_approval'];

export interface Counts {
  calls: number;
  allow: number;
  deny: number;
  needs_approval: number;
  no_match: number;
  /** Tests whose value was of a type they cannot compare, and the calls that had any. */
  type_mismatches: number;
  calls_with_mismatch: number;
  work_exhausted: number;
}

export interface Change {
  readonly line: number;
  readonly case_id: string | null;
  readonly agent: string;
  readonly action: string;
  readonly from: Effect;
  readonly to: Effect;
  readonly from_rule: string | null;
  readonly to_rule: string | null;
}

export interface Transition {
  readonly from: Effect;
  readonly to: Effect;
  readonly count: number;
}

/** How two policies differ over the same calls; a call without a match counts as the default effect. */
export interface Comparison {
  readonly changed: number;
  /** The same effect by another rule. */
  readonly other_rule: number;
  /** All nine, in a fixed order. */
  readonly transitions: readonly Transition[];
  /** The first changed calls. */
  readonly examples: readonly Change[];
}

export function noCounts(): Counts {
  return {
    calls: 0,
    allow: 0,
    deny: 0,
    needs_approval: 0,
    no_match: 0,
    type_mismatches: 0,
    calls_with_mismatch: 0,
    work_exhausted: 0,
  };
}

export function addDecision(counts: Counts, decision: PolicyDecision): void {
  counts.calls += 1;
  counts[decision.default ? 'no_match' : decision.effect] += 1;
  if (decision.errors.length === 0) return;
  const mismatches = decision.errors.filter(({ code }) => code === 'type_mismatch').length;
  counts.type_mismatches += mismatches;
  counts.calls_with_mismatch += mismatches > 0 ? 1 : 0;
  counts.work_exhausted += decision.errors.length - mismatches;
}

/** Groups beyond this many are counted together: a path with a value of its own for every call must not fill the memory. */
const maxGroups = 1000;
const otherGroups = '(others)';
const noValue = '(none)';

export interface Groups {
  add(call: ReplayedCall, decisions: readonly PolicyDecision[]): void;
  /** Largest first, then by value; each with the counts of every policy. */
  list(): { value: string; counts: readonly Counts[] }[];
}

/** Counts by the value at a dotted path of the line, `context.suite`. Strings as they are, other values as JSON, `(none)` when absent. */
export function groupsBy(path: string, policies: number): Groups {
  const segments = path.split('.');
  const groups = new Map<string, readonly Counts[]>();
  const countsOf = (value: string): readonly Counts[] => {
    const found = groups.get(value);
    if (found !== undefined) return found;
    if (groups.size >= maxGroups && value !== otherGroups) return countsOf(otherGroups);
    const fresh = Array.from({ length: policies }, noCounts);
    groups.set(value, fresh);
    return fresh;
  };
  return {
    add: ({ entry }, decisions) => {
      const counts = countsOf(groupName(entry, segments));
      for (let index = 0; index < decisions.length; index += 1) {
        const [of, decision] = [counts[index], decisions[index]];
        if (of !== undefined && decision !== undefined) addDecision(of, decision);
      }
    },
    list: () =>
      [...groups]
        .map(([value, counts]) => ({ value, counts }))
        .sort((a, b) => callsOf(b) - callsOf(a) || (a.value < b.value ? -1 : 1)),
  };
}

function callsOf({ counts }: { counts: readonly Counts[] }): number {
  return counts[0]?.calls ?? 0;
}

function groupName(entry: unknown, segments: readonly string[]): string {
  let at = entry;
  for (const segment of segments) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, segment)) return noValue;
    at = (at as Record<string, unknown>)[segment];
  }
  if (at === null || at === undefined) return noValue;
  return typeof at === 'string' ? at : JSON.stringify(at);
}

const maxExamples = 10;

export interface Comparer {
  add(call: ReplayedCall, before: PolicyDecision, after: PolicyDecision): void;
  result(): Comparison;
}

export function comparer(): Comparer {
  const matrix = new Map(effects.flatMap((from) => effects.map((to) => [`${from} ${to}`, { from, to, count: 0 }])));
  const examples: Change[] = [];
  let changed = 0;
  let otherRule = 0;
  return {
    add: ({ line, caseId, request }, before, after) => {
      const cell = matrix.get(`${before.effect} ${after.effect}`);
      if (cell !== undefined) cell.count += 1;
      if (before.effect === after.effect) {
        if (before.matched_rule !== after.matched_rule) otherRule += 1;
        return;
      }
      changed += 1;
      if (examples.length >= maxExamples) return;
      examples.push({
        line,
        case_id: caseId,
        agent: request.agent,
        action: request.action,
        from: before.effect,
        to: after.effect,
        from_rule: before.matched_rule,
        to_rule: after.matched_rule,
      });
    },
    result: () => ({ changed, other_rule: otherRule, transitions: [...matrix.values()], examples }),
  };
}
