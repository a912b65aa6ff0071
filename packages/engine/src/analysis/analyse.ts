import type { CompiledPolicy } from '../compile.js';
import type { DecisionRequest } from '../decide.js';
import type { CompiledRule } from '../plan.js';
import { candidatesFor, type PolicyIndex, planFor } from '../policy-index.js';
import type { ContextTyping } from './domain.js';
import { type AnalysisMemory, recallFrom } from './memory.js';
import { type PairTask, recordOf, type Scope } from './pair-record.js';
import { type Pair, pairsOf } from './pairs.js';
import { addRecord, collected, nothingFound, type RuleFindings } from './rule-findings.js';
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
  /** Makes a later analysis of nearly the same rules cheap; it never changes an answer. */
  readonly memory?: AnalysisMemory;
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

/**
 * Which rules never match, never win, change nothing, or meet rules of another effect: exactly, apart from what is
 * `undecided`. Disabled rules are left out. Pure; the work is bounded and counted, so an answer never depends on the
 * machine.
 */
export function analyse(policy: CompiledPolicy, options: AnalysisOptions = {}): Analysis {
  const budget = { ...defaultBudget, ...options.budget };
  const { index, defaultEffect } = policy;
  const findings = new Map<number, RuleFindings>();
  const scopes = scopesOf(index);
  const seen = new Set<string>();
  const typings = new Map<ContextTyping | undefined, number>();
  const recall = options.memory === undefined ? null : recallFrom(options.memory, index.resources);
  let left = budget.total;
  let pairs = 0;
  for (const { agent, action } of [...pairsOf([index]), ...(options.pairs ?? [])]) {
    const rules = candidatesFor(index, agent, action);
    const typing = options.typing?.(agent, action);
    if (!typings.has(typing)) typings.set(typing, typings.size);
    const key = `${typings.get(typing)} ${rules.map(({ rank }) => rank).join(' ')}`;
    if (seen.has(key) || rules.length === 0) continue;
    seen.add(key);
    pairs += 1;
    const of = rules.map((rule) => findingsOf(findings, rule));
    const task: PairTask = {
      rules,
      scopes,
      resources: index.resources,
      defaultEffect,
      typing,
      limits: { perQuery: budget.perQuery, perPair: Math.min(budget.perPair, left) },
      known: of,
      plan: () => planFor(index, agent, action),
    };
    const record = recall === null ? recordOf(task) : recall.recordOf(task, () => recordOf(task));
    addRecord(of, record, { agent, action });
    left -= record.work;
  }
  return { ...collected([...findings.values()]), pairs, work: budget.total - left };
}

function findingsOf(findings: Map<number, RuleFindings>, rule: CompiledRule): RuleFindings {
  let known = findings.get(rule.rank);
  if (known === undefined) {
    known = nothingFound(rule);
    findings.set(rule.rank, known);
  }
  return known;
}

/** The patterns of each rule, by rank. */
function scopesOf(index: PolicyIndex): ReadonlyMap<number, Scope> {
  const scopes = new Map<number, Scope>();
  for (const [agent, byAction] of index.buckets) {
    for (const [action, rules] of byAction) {
      const scope = { agent, action };
      for (const { rank } of rules) scopes.set(rank, scope);
    }
  }
  return scopes;
}
