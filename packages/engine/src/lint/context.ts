import { type Analysis, type AnalysisBudget, analyse } from '../analysis/analyse.js';
import type { CompiledCatalog } from '../catalog/compiled-catalog.js';
import { type CompiledPolicy, compileParsed } from '../compile.js';
import { testsOf } from '../condition.js';
import { type Diagnostic, nearest } from '../diagnostic.js';
import type { Effect } from '../generated/rule.js';
import { limits } from '../limits.js';
import type { Lists } from '../list.js';
import { listProblems, type NearestList } from '../list-references.js';
import type { RoundedNumber } from '../rounded-number.js';
import { readRules, type SoundRule } from '../rule.js';
import type { LintContext, WrittenRule } from './check.js';
import { isRecord } from './edits.js';
import { enforcedTyping } from './enforced-typing.js';
import { lazy } from './lazy.js';
import type { LintMemory } from './memory.js';
import { nearestLookup } from './nearest-lookup.js';
import { schemasOf } from './schemas.js';
import { type Scope, scopesMeet } from './scope.js';

export interface ContextOptions {
  readonly lists: Lists | null;
  readonly listNames: readonly string[];
  readonly defaultEffect: Effect;
  readonly catalog: CompiledCatalog | null;
  readonly catalogMode: 'strict' | 'open';
  readonly enforceContext: boolean;
  readonly budget: AnalysisBudget;
  readonly memory: LintMemory;
}

/** What one lint reads before it gives up; a bundle with more faults than these needs no count of them. */
const maxFaults = 20_000;

/** Names of lists that others are offered for. */
const maxListLookups = 100;

/**
 * Reads the rules. `sourceFaults`: why there are none, when a text was given that does not parse; `rounded`: the numbers
 * that a text which does parse writes and a double cannot hold.
 */
export function lintContext(
  input: unknown,
  options: ContextOptions,
  sourceFaults: readonly Diagnostic[] = [],
  rounded: readonly RoundedNumber[] = [],
): LintContext {
  const entries = readable(input);
  const read =
    sourceFaults.length > 0
      ? { sound: [], diagnostics: [...sourceFaults] }
      : Array.isArray(entries)
        ? readRules(entries, { maxRules: limits.rules, maxDiagnostics: maxFaults, ...recalling(options.memory.rules) })
        : { sound: [], diagnostics: [entries] };
  const written = sourceFaults.length === 0 && Array.isArray(entries) ? writtenRules(entries) : [];
  const nearestList = nearestListOf(options);
  const byLists = withLists(read.sound, options.lists, nearestList);
  const policy = compileParsed(byLists.usable, options.lists ?? {}, options.defaultEffect);
  const byId = new Map(read.sound.map((rule) => [rule.rule.id, rule]));
  const analysis = lazy(() => analysisOf(policy, options));
  const others = scopesLeftOut(written, byLists.usable);
  return {
    written,
    faults: [...read.diagnostics, ...byLists.faults],
    rounded,
    rules: read.sound,
    active: byLists.usable.filter(({ rule }) => rule.enabled),
    policy,
    ruleOf: (id) => byId.get(id) as SoundRule,
    mayBeDecidedByOthers: (scope) => others.some((other) => scopesMeet(other, scope)),
    unknownLists: byLists.unknown,
    lists: options.lists,
    nearestList,
    catalog: options.catalog,
    schemas: options.catalog === null ? null : schemasOf(options.catalog),
    catalogMode: options.catalogMode,
    enforceContext: options.enforceContext,
    memory: options.memory,
    analysis,
  };
}

function analysisOf(policy: CompiledPolicy, { catalog, enforceContext, budget, memory }: ContextOptions): Analysis {
  const typed = enforceContext ? enforcedTyping(catalog, policy) : {};
  return analyse(policy, { ...typed, budget, ...recalling(memory.analysis) });
}

function recalling<M>(memory: M | null): { memory?: M } {
  return memory === null ? {} : { memory };
}

/** The array of rules, or why it cannot be looked at: in-process callers may hand over objects that throw when read. */
function readable(input: unknown): unknown[] | Diagnostic {
  const fault = (message: string): Diagnostic => ({ code: 'invalid-rule', message, rule_id: null, path: [] });
  try {
    touch(input, 0);
    if (Array.isArray(input)) return input;
  } catch {
    return fault('the rules cannot be read: pass plain data, as JSON has it');
  }
  return fault('rules must be an array of rules: wrap a single rule in brackets');
}

/** Reads every member down to where nothing else looks. */
function touch(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > limits.contextDepth + 2) return;
  if (Array.isArray(value)) for (const member of value) touch(member, depth + 1);
  else for (const key of Object.keys(value)) touch((value as Record<string, unknown>)[key], depth + 1);
}

function writtenRules(entries: readonly unknown[]): WrittenRule[] {
  return entries.flatMap((input, index) =>
    isRecord(input) ? [{ index, id: typeof input.id === 'string' ? input.id : null, input }] : [],
  );
}

interface RulesByLists {
  readonly usable: readonly SoundRule[];
  readonly unknown: LintContext['unknownLists'];
  readonly faults: readonly Diagnostic[];
}

/** Tells rules whose lists are there from those that name a missing, unfit or unknown one. */
function withLists(sound: readonly SoundRule[], lists: Lists | null, nearestList: NearestList): RulesByLists {
  if (lists === null) {
    const unknown = sound.flatMap((rule) => {
      const names = listsOf(rule);
      return names.length > 0 ? [{ rule, lists: names }] : [];
    });
    const left = new Set(unknown.map(({ rule }) => rule));
    return { usable: sound.filter((rule) => !left.has(rule)), unknown, faults: [] };
  }
  const faults = listProblems(sound, lists, nearestList).map((fault) => {
    const { index } = sound[fault.path[0] as number] as SoundRule;
    return { ...fault, path: [index, ...fault.path.slice(1)] };
  });
  const faulty = new Set(faults.map(({ path }) => path[0]));
  // Problems are told up to a limit, and a list that is not told of may still be missing.
  const fits = (rule: SoundRule) =>
    !faulty.has(rule.index) && listsOf(rule).every((name) => Object.hasOwn(lists, name));
  return { usable: faults.length === 0 ? sound : sound.filter(fits), unknown: [], faults };
}

/** Of a name that is a list's there is none. */
function nearestListOf({ lists, listNames }: Pick<ContextOptions, 'lists' | 'listNames'>): NearestList {
  const names = [...Object.keys(lists ?? {}), ...listNames];
  const near = nearestLookup(maxListLookups, (word) => [nearest(word, names)].filter((name) => name !== null));
  return (name) => (names.includes(name) ? null : (near(name)[0] ?? null));
}

function listsOf({ condition }: SoundRule): string[] {
  const names = new Set<string>();
  for (const { operand } of testsOf(condition)) if (operand.kind === 'list') names.add(operand.name);
  return [...names].sort();
}

/** What rules that are written but not in the policy may be about. */
function scopesLeftOut(written: readonly WrittenRule[], usable: readonly SoundRule[]): Scope[] {
  const kept = new Set(usable.map(({ index }) => index));
  const scopes = new Map<string, Scope>();
  for (const { index, input } of written) {
    if (kept.has(index) || input.enabled === false) continue;
    const agent = typeof input.agent === 'string' ? input.agent : '*';
    const action = typeof input.action === 'string' ? input.action : '*';
    scopes.set(`${agent} ${action}`, { agent, action });
  }
  return [...scopes.values()];
}
