import { type AnalysisMemory, createAnalysisMemory } from '../analysis/memory.js';
import { type Condition, type Test, testsOf } from '../condition.js';
import type { Path } from '../diagnostic.js';
import type { Lists, NamedList } from '../list.js';
import { createRuleMemory, type RuleMemory } from '../rule-memory.js';
import type { DodgeRecord } from './dodge.js';

/**
 * What earlier lints found, so that one of nearly the same rules costs little more than its changes. It never changes a
 * report: something is taken from it only where everything that it depends on is the same.
 */
export interface LintMemory {
  /** The engine's own; null where nothing is kept from one lint to the next. */
  readonly rules: RuleMemory | null;
  readonly analysis: AnalysisMemory | null;
  /** For a condition that never holds, the places of the parts that contradict each other. */
  readonly contradictions: Map<string, readonly number[]>;
  readonly dodges: Map<string, DodgeRecord>;
  readonly numbers: WeakMap<object, number>;
  readonly conditions: WeakMap<Condition, { readonly number: number; readonly lists: readonly string[] }>;
  /** Where tests are written, from their rule. A test that is known stands in a rule that is written as it was. */
  readonly paths: WeakMap<Test, Path>;
  readonly lists: Map<string, { readonly list: NamedList; readonly number: number }>;
  readonly used: { last: number; texts: number };
}

const maxContradictions = 10_000;
const maxTexts = 16_000_000;

/** A memory to hand to one lint after the other; it holds about 200 MB at the most. */
export function createLintMemory(): LintMemory {
  return { ...scratchMemory(), rules: createRuleMemory(), analysis: createAnalysisMemory() };
}

/** What one lint remembers within itself; keeping rules and analyses for a next one would only cost. */
export function scratchMemory(): LintMemory {
  return {
    rules: null,
    analysis: null,
    contradictions: new Map(),
    dodges: new Map(),
    numbers: new WeakMap(),
    conditions: new WeakMap(),
    paths: new WeakMap(),
    lists: new Map(),
    used: { last: 0, texts: 0 },
  };
}

/** The same number for the same object, and never for another. */
export function numberOf(memory: LintMemory, object: object): number {
  let number = memory.numbers.get(object);
  if (number === undefined) {
    number = nextNumber(memory);
    memory.numbers.set(object, number);
  }
  return number;
}

/** What tells a condition with its lists from others. Rules that are written alike have the same condition object. */
export function conditionTag(memory: LintMemory, condition: Condition, lists: Lists): string {
  let known = memory.conditions.get(condition);
  if (known === undefined) {
    const names = testsOf(condition).flatMap(({ operand }) => (operand.kind === 'list' ? [operand.name] : []));
    known = { number: nextNumber(memory), lists: [...new Set(names)].sort() };
    memory.conditions.set(condition, known);
  }
  if (known.lists.length === 0) return String(known.number);
  const tags = known.lists.map((name) => listNumber(memory, name, lists[name] as NamedList));
  return [known.number, ...tags].join('@');
}

export function rememberContradiction(memory: LintMemory, key: string, parts: readonly number[]): void {
  if (memory.contradictions.size >= maxContradictions) memory.contradictions.clear();
  memory.contradictions.set(key, parts);
}

export function rememberDodges(memory: LintMemory, key: string, record: DodgeRecord): void {
  memory.used.texts += 2 * key.length;
  if (memory.used.texts > maxTexts) {
    memory.dodges.clear();
    memory.used.texts = 2 * key.length;
  }
  memory.dodges.set(key, record);
}

/** The same number for as long as the list declares and holds the same. */
function listNumber(memory: LintMemory, name: string, list: NamedList): number {
  const known = memory.lists.get(name);
  if (known !== undefined && known.list.normalize === list.normalize && areSame(known.list.values, list.values)) {
    return known.number;
  }
  const number = nextNumber(memory);
  // A copy, since callers may change what they handed over.
  memory.lists.set(name, { list: { ...list, values: [...list.values] }, number });
  return number;
}

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

function nextNumber({ used }: LintMemory): number {
  used.last += 1;
  return used.last;
}
