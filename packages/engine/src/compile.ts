import { RE2JS } from 're2js';
import { type Check, domainsOf, type Resources } from './check.js';
import { type Condition, testsOf, visitTests } from './condition.js';
import { type Diagnostic, nearest } from './diagnostic.js';
import { isFact } from './facts.js';
import { type FieldReader, fieldReader } from './field.js';
import type { Budget, Effect, Rule, RuleInput } from './generated/rule.js';
import { limits } from './limits.js';
import { type Lists, listMembers, type NamedList } from './list.js';
import { listProblems } from './list-references.js';
import { createConditionParser } from './parse-condition.js';
import type { CompiledRule } from './plan.js';
import { buildIndex, type PolicyIndex, planFor, prepare, type WarmUp } from './policy-index.js';
import { type ParsedRule, parseRuleSet } from './rule.js';

export interface CompileOptions {
  /** The effect where no rule matches; `deny` unless set. */
  defaultEffect?: Effect;
  /** Names of lists besides those given, to offer for one that is none. */
  listNames?: readonly string[];
  /** Accept more rules than a bundle may have; for measuring. */
  maxRules?: number;
}

/** Rules ready to decide by. What it keeps besides is made on first use and never changes an answer. */
export interface CompiledPolicy {
  readonly defaultEffect: Effect;
  /** All rules of the bundle, disabled ones included. */
  readonly ruleCount: number;
  /** The facts that the candidate rules of this pair read, sorted. */
  factsRead(agent: string, action: string): readonly string[];
  /** The fields that the candidate rules of this pair read, sorted; facts are among them. */
  fieldsRead(agent: string, action: string): readonly string[];
  /** The engine's own. */
  readonly index: PolicyIndex;
}

/**
 * Compiles rules, checking all that `parseRules` checks and that the lists they name are there and fit. Everything
 * `decide` needs is copied, so later changes to the rules or lists have no effect. Paths lead from the rules array.
 */
export function compile(
  bundle: { readonly rules: readonly RuleInput[] },
  lists: Lists = {},
  options: CompileOptions = {},
): CompiledPolicy | Diagnostic[] {
  const parsed = parseRuleSet(bundle.rules, options.maxRules ?? limits.rules);
  if ('diagnostics' in parsed) return parsed.diagnostics;
  const names = [...Object.keys(lists), ...(options.listNames ?? [])];
  const problems = listProblems(parsed.rules, lists, (name) => nearest(name, names));
  if (problems.length > 0) return problems;

  return compileParsed(parsed.rules, lists, options.defaultEffect);
}

/** Compiles valid rules of distinct ids, all of whose lists are there and fit. */
export function compileParsed(
  rules: readonly ParsedRule[],
  lists: Lists,
  defaultEffect: Effect = 'deny',
): CompiledPolicy {
  const enabled = rules.filter(({ rule }) => rule.enabled);
  enabled.sort((a, b) => compareRules(a.rule, b.rule));
  const index = buildIndex(
    enabled.map(({ rule, condition }, rank) => compiledRule(rule, condition, rank)),
    createResources(usedLists(rules, lists)),
  );
  return {
    defaultEffect,
    ruleCount: rules.length,
    factsRead: (agent, action) => factsIn(planFor(index, agent, action).fields),
    fieldsRead: (agent, action) => planFor(index, agent, action).fields,
    index,
  };
}

const defaultWarmUp = 100_000;

/**
 * Makes ready what a first decision on a pair of agent and action would otherwise have to make, so that no request waits
 * for it: call it before a policy goes into use. It changes no answer. Pairs that rules name come first by their number
 * of rules; it ends once it has looked at `maxCandidates` candidate rules (100,000 unless given; overshooting by one
 * pair) or half of the memory for prepared pairs is taken. Called again, it goes on where it ended.
 */
export function warm(policy: CompiledPolicy, maxCandidates: number = defaultWarmUp): WarmUp {
  return prepare(policy.index, maxCandidates);
}

/** The names of the lists that rules use, sorted; conditions that are invalid use none. */
export function listsUsed(rules: readonly unknown[]): string[] {
  const parse = createConditionParser();
  const names = new Set<string>();
  for (const rule of rules) {
    if (typeof rule !== 'object' || rule === null || !Object.hasOwn(rule, 'conditions')) continue;
    const condition = parse((rule as { conditions: unknown }).conditions);
    if (!Array.isArray(condition)) for (const name of listsIn(condition)) names.add(name);
  }
  return [...names].sort();
}

const effectRank: Readonly<Record<Effect, number>> = { deny: 0, needs_approval: 1, allow: 2 };

/** Decision order: priority, higher first; then deny, needs_approval, allow; then id. */
export function compareRules(a: Rule, b: Rule): number {
  return (
    b.priority - a.priority || effectRank[a.effect] - effectRank[b.effect] || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

function compiledRule(
  rule: Rule,
  condition: Condition,
  rank: number,
): CompiledRule & { agent: string; action: string } {
  const budget: Readonly<Budget> | null = rule.budget === undefined ? null : Object.freeze({ ...rule.budget });
  const approvers = Object.hasOwn(rule.metadata, 'min_approvers') ? rule.metadata.min_approvers : undefined;
  return {
    id: rule.id,
    agent: rule.agent,
    action: rule.action,
    effect: rule.effect,
    priority: rule.priority,
    reason: rule.reason ?? '',
    budget,
    minApprovers: typeof approvers === 'number' ? approvers : null,
    condition,
    rank,
  };
}

function factsIn(fields: readonly string[]): string[] {
  return [...new Set(fields.map((field) => field.split('.', 1)[0] ?? field).filter(isFact))].sort();
}

function listsIn(condition: Condition): string[] {
  return testsOf(condition).flatMap(({ operand }) => (operand.kind === 'list' ? [operand.name] : []));
}

function usedLists(rules: readonly ParsedRule[], lists: Lists): Lists {
  const used = new Set<string>();
  for (const { condition } of rules) {
    visitTests(condition, ({ operand }) => {
      if (operand.kind === 'list') used.add(operand.name);
    });
  }
  return Object.fromEntries([...used].map((name) => [name, snapshotOf(lists[name] as NamedList)]));
}

function snapshotOf(list: NamedList): NamedList {
  return { ...list, values: [...list.values] };
}

const maxSharedChecks = 100_000;

/** Readers, checks, patterns and lists, each made ready on first use. */
function createResources(lists: Lists): Resources {
  const patterns = new Map<string, RE2JS>();
  const sets = new Map<string, ReadonlySet<unknown>>();
  const domains = new Map<string, ReadonlySet<string>>();
  const readers = new Map<string, FieldReader>();
  const checks = new Map<string, Check>();
  const listCalled = (name: string) => lists[name] as NamedList;
  return {
    reader: (field) => memoized(readers, field, () => fieldReader(field)),
    check: (key, make) => (checks.size < maxSharedChecks ? memoized(checks, key, make) : (checks.get(key) ?? make())),
    pattern: (source) => memoized(patterns, source, () => RE2JS.compile(source)),
    list: (name) => ({
      members: memoized(sets, name, () => listMembers(listCalled(name))),
      normalize: listCalled(name).normalize,
    }),
    listDomains: (name) => memoized(domains, name, () => domainsOf([...listMembers(listCalled(name))])),
  };
}

function memoized<T>(made: Map<string, T>, key: string, make: () => T): T {
  const known = made.get(key);
  if (known !== undefined) return known;
  const value = make();
  made.set(key, value);
  return value;
}
