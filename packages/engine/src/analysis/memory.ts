import { canonicalJson } from '../canonical.js';
import type { Resources } from '../check.js';
import { type Condition, testsOf } from '../condition.js';
import { formatCondition } from '../format-condition.js';
import type { Normalize } from '../list.js';
import type { CompiledRule } from '../plan.js';
import type { ContextTyping } from './domain.js';
import { isWide, type PairRecord, type PairTask } from './pair-record.js';
import { outcomeKey } from './redundancy.js';

/**
 * What earlier analyses found, so that one of nearly the same rules costs little more than its changes. It never changes
 * an answer: a pair's record is taken from it only where everything that the record depends on is the same.
 */
export interface AnalysisMemory {
  /** The engine's own. */
  readonly records: Map<string, { readonly record: PairRecord; readonly weight: number }>;
  readonly conditions: WeakMap<Condition, KnownCondition>;
  readonly byText: Map<string, KnownCondition>;
  readonly typings: WeakMap<ContextTyping, number>;
  readonly lists: Map<string, KnownList>;
  /** Bytes of the records, of the texts, about; the last number given to anything. */
  readonly used: { records: number; texts: number; last: number };
}

interface KnownCondition {
  readonly id: number;
  /** Names of the lists its tests compare with. */
  readonly lists: readonly string[];
}

interface KnownList {
  readonly version: number;
  readonly members: ReadonlySet<unknown>;
  readonly normalize: Normalize | undefined;
}

const maxBytes = { records: 64_000_000, texts: 32_000_000 };
const bytesPerFinding = 256;

/** A memory to hand to one `analyse` after the other; it holds about 100 MB at the most. */
export function createAnalysisMemory(): AnalysisMemory {
  return {
    records: new Map(),
    conditions: new WeakMap(),
    byText: new Map(),
    typings: new WeakMap(),
    lists: new Map(),
    used: { records: 0, texts: 0, last: 0 },
  };
}

/** Looks records up during one analysis. */
export interface Recall {
  recordOf(task: PairTask, make: () => PairRecord): PairRecord;
}

export function recallFrom(memory: AnalysisMemory, resources: Resources): Recall {
  const meanings = new Map<number, string>();
  const versions = new Map<string, number>();
  const versionOf = (name: string) => {
    let version = versions.get(name);
    if (version === undefined) {
      version = listVersion(memory, name, resources.list(name));
      versions.set(name, version);
    }
    return version;
  };
  const meaningOf = (task: PairTask, rule: CompiledRule): string => {
    let meaning = meanings.get(rule.rank);
    if (meaning === undefined) {
      const { id, lists } = knownCondition(memory, rule.condition);
      const { agent = '', action = '' } = task.scopes.get(rule.rank) ?? {};
      const tags = lists.map((name) => `${name}@${versionOf(name)}`).join(',');
      meaning = `${rule.priority} ${outcomeKey(rule)} ${agent} ${action} ${id} ${tags}`;
      meanings.set(rule.rank, meaning);
    }
    return meaning;
  };
  return {
    recordOf(task, make) {
      const key = keyOf(memory, task, (rule) => meaningOf(task, rule));
      const known = memory.records.get(key);
      if (known !== undefined) {
        // The last used stand last, so that the first are those to forget.
        memory.records.delete(key);
        memory.records.set(key, known);
        return known.record;
      }
      const record = make();
      remember(memory, key, record);
      return record;
    },
  };
}

function keyOf(memory: AnalysisMemory, task: PairTask, meaningOf: (rule: CompiledRule) => string): string {
  const { rules, scopes, known, limits, defaultEffect, typing } = task;
  const parts = [`${limits.perQuery} ${limits.perPair} ${defaultEffect} ${typingId(memory, typing)}`];
  const wide: number[] = [];
  rules.forEach((rule, place) => {
    const before = known[place];
    parts.push(`${meaningOf(rule)} ${before?.needed === true ? 'needed' : ''}${before?.weights.join('') ?? ''}`);
    if (isWide(scopes.get(rule.rank))) wide.push(place);
  });
  for (const higher of wide) {
    const settled = wide.filter(
      (lower) => lower > higher && known[higher]?.settled.has((rules[lower] as CompiledRule).rank),
    );
    parts.push(settled.join(' '));
  }
  return parts.join('\n');
}

function typingId(memory: AnalysisMemory, typing: ContextTyping | undefined): number {
  if (typing === undefined) return 0;
  let id = memory.typings.get(typing);
  if (id === undefined) {
    id = nextNumber(memory);
    memory.typings.set(typing, id);
  }
  return id;
}

function knownCondition(memory: AnalysisMemory, condition: Condition): KnownCondition {
  const known = memory.conditions.get(condition);
  if (known !== undefined) return known;
  const text = canonicalJson(formatCondition(condition));
  let made = memory.byText.get(text);
  if (made === undefined) {
    const lists = testsOf(condition).flatMap(({ operand }) => (operand.kind === 'list' ? [operand.name] : []));
    made = { id: nextNumber(memory), lists: [...new Set(lists)].sort() };
    memory.used.texts += 2 * text.length;
    if (memory.used.texts > maxBytes.texts) {
      // Numbers are never given twice, so what is forgotten is only found anew.
      memory.byText.clear();
      memory.used.texts = 2 * text.length;
    }
    memory.byText.set(text, made);
  }
  memory.conditions.set(condition, made);
  return made;
}

/** The same number for as long as the list holds the same members in the same order. */
function listVersion(memory: AnalysisMemory, name: string, list: ReturnType<Resources['list']>): number {
  const known = memory.lists.get(name);
  if (known !== undefined && known.normalize === list.normalize && sameMembers(known.members, list.members)) {
    return known.version;
  }
  const made = { version: nextNumber(memory), members: list.members, normalize: list.normalize };
  memory.lists.set(name, made);
  return made.version;
}

function sameMembers(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  const others = b.values();
  for (const member of a) if (member !== others.next().value) return false;
  return true;
}

function remember(memory: AnalysisMemory, key: string, record: PairRecord): void {
  const findings = record.rules.reduce((sum, { meetings }) => sum + 2 + meetings.shown.length, 0);
  const weight = 2 * key.length + bytesPerFinding * findings;
  if (weight > maxBytes.records) return;
  memory.records.set(key, { record, weight });
  memory.used.records += weight;
  for (const [oldest, { weight: freed }] of memory.records) {
    if (memory.used.records <= maxBytes.records) break;
    memory.records.delete(oldest);
    memory.used.records -= freed;
  }
}

function nextNumber({ used }: AnalysisMemory): number {
  used.last += 1;
  return used.last;
}
