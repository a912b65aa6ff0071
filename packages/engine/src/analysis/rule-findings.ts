import type { CompiledRule } from '../plan.js';
import type { Analysis, Overlap, Redundant, RuleOverlaps, Undecided, Unreachable, Witness } from './analyse.js';
import type { Reach } from './coverage.js';
import { type KnownBefore, type Meetings, type PairRecord, shownMeetings, weightOf } from './pair-record.js';
import type { Pair } from './pairs.js';
import type { Redundancy } from './redundancy.js';
import type { UndecidedReason } from './solver.js';

/** What the pairs looked at so far say of one rule. */
export interface RuleFindings extends KnownBefore {
  readonly rule: CompiledRule;
  never: boolean;
  reached: Witness | null;
  covered: { cover: Set<CompiledRule>; witness: Witness | null } | null;
  needed: boolean;
  redundant: { instead: Set<string | null>; witness: Witness } | null;
  undecided: Map<Undecided['question'], UndecidedReason> | null;
  /** Ranks of lower rules already known to overlap or, whatever the pair, to be apart. */
  settled: Set<number>;
  readonly overlaps: { count: number; opposed: number; ties: number; partial: number; shown: Overlap[] };
  /** Of the overlaps shown. */
  weights: readonly number[];
  openOverlaps: number;
}

/** Most rules are looked at once and decided, so what few need is made when they do. */
const nothingSettled: Set<number> = new Set();

export function nothingFound(rule: CompiledRule): RuleFindings {
  return {
    rule,
    never: false,
    reached: null,
    covered: null,
    needed: false,
    redundant: null,
    undecided: null,
    settled: nothingSettled,
    overlaps: { count: 0, opposed: 0, ties: 0, partial: 0, shown: [] },
    weights: [],
    openOverlaps: 0,
  };
}

/** Adds what was found in a pair; `findings` are those of the pair's rules, in decision order. */
export function addRecord(findings: readonly RuleFindings[], record: PairRecord, pair: Pair): void {
  record.rules.forEach(({ reach, redundancy, meetings }, place) => {
    const finding = findings[place] as RuleFindings;
    if (reach !== null) addReach(findings, finding, reach, pair);
    if (redundancy !== null) addRedundancy(findings, finding, redundancy, pair);
    addMeetings(findings, finding, meetings, pair);
  });
}

function addReach(findings: readonly RuleFindings[], finding: RuleFindings, reach: Reach, pair: Pair): void {
  const { agent, action } = pair;
  switch (reach.kind) {
    case 'reachable':
      finding.reached ??= { agent, action, context: reach.context };
      break;
    case 'never':
      finding.never = true;
      break;
    case 'covered':
      finding.covered ??= { cover: new Set(), witness: null };
      finding.covered.witness ??= reach.context === null ? null : { agent, action, context: reach.context };
      for (const place of reach.cover) finding.covered.cover.add((findings[place] as RuleFindings).rule);
      break;
    case 'undecided':
      leaveOpen(finding, reach.question, reach.reason);
  }
}

function leaveOpen(finding: RuleFindings, question: Undecided['question'], reason: UndecidedReason): void {
  finding.undecided ??= new Map();
  finding.undecided.set(question, reason);
}

function addRedundancy(
  findings: readonly RuleFindings[],
  finding: RuleFindings,
  answer: Redundancy,
  { agent, action }: Pair,
): void {
  switch (answer.kind) {
    case 'needed':
      finding.needed = true;
      break;
    case 'redundant':
      finding.redundant ??= { instead: new Set(), witness: finding.reached ?? { agent, action, context: {} } };
      for (const place of answer.instead) finding.redundant.instead.add(findings[place]?.rule.id ?? null);
      break;
    case 'undecided':
      leaveOpen(finding, 'redundant', answer.reason);
  }
}

function addMeetings(
  findings: readonly RuleFindings[],
  finding: RuleFindings,
  meetings: Meetings,
  { agent, action }: Pair,
): void {
  finding.openOverlaps += meetings.open;
  if (meetings.reason !== null) leaveOpen(finding, 'overlap', meetings.reason);
  if (meetings.settled.length > 0 && finding.settled === nothingSettled) finding.settled = new Set();
  for (const lower of meetings.settled) finding.settled.add((findings[lower] as RuleFindings).rule.rank);
  const { overlaps } = finding;
  overlaps.count += meetings.count;
  overlaps.opposed += meetings.opposed;
  overlaps.ties += meetings.ties;
  overlaps.partial += meetings.partial;
  if (meetings.shown.length === 0) return;
  const isFirst = overlaps.shown.length === 0;
  for (const { lower, context, opposed, tie, relation } of meetings.shown) {
    const rule = (findings[lower] as RuleFindings).rule.id;
    overlaps.shown.push({ rule, witness: { agent, action, context }, opposed, tie, relation });
  }
  // What one pair shows is in order.
  if (!isFirst) overlaps.shown.sort((x, y) => weightOf(y) - weightOf(x)).splice(shownMeetings);
  finding.weights = overlaps.shown.map((overlap) => weightOf(overlap));
}

/** What holds of the rules over all pairs, each list in decision order. */
export function collected(findings: RuleFindings[]): Omit<Analysis, 'pairs' | 'work'> {
  findings.sort((a, b) => a.rule.rank - b.rule.rank);
  const neverMatches: string[] = [];
  const unreachable: Unreachable[] = [];
  const redundant: Redundant[] = [];
  const overlaps: RuleOverlaps[] = [];
  const undecided: Undecided[] = [];
  for (const finding of findings) {
    const { id } = finding.rule;
    const open = (question: Undecided['question'], count?: number) => {
      const reason = finding.undecided?.get(question);
      if (reason !== undefined)
        undecided.push({ question, rule: id, reason, ...(count === undefined ? {} : { count }) });
      return reason !== undefined;
    };
    if (finding.reached !== null) {
      if (!finding.needed && !open('redundant') && !reachOpen(finding) && finding.redundant !== null) {
        redundant.push({ rule: id, instead: [...finding.redundant.instead], witness: finding.redundant.witness });
      } else if (!finding.needed && reachOpen(finding) && finding.undecided?.has('redundant') !== true) {
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
  return undecided?.get('never-matches') ?? undecided?.get('unreachable') ?? null;
}
