/**
 * Policy Studio's decision, a second time: slow, obvious, written from docs/language.md alone.
 *
 * It shares no code with `../src` (a test sees to that), looks at every rule for every request and keeps nothing between
 * calls. Tests compare the production engine with it; when they differ, docs/language.md says who is wrong.
 */
import { RE2JS } from 're2js';
import {
  canonicalTests,
  type Dict,
  entriesOf,
  hostOf,
  hostOfName,
  isDict,
  isScalar,
  type Right,
  rightText,
  type Test,
  testsIn,
} from './condition.js';

export type Effect = 'allow' | 'deny' | 'needs_approval';

export interface NamedList {
  readonly values: readonly unknown[];
  readonly normalize?: 'lower' | 'email' | 'host';
}

/** Rules as people write them; they must have passed `check`. */
export interface Bundle<R = unknown> {
  readonly rules: readonly R[];
  readonly lists?: Readonly<Record<string, NamedList>>;
  readonly default_effect?: Effect;
}

export interface Request {
  readonly agent: string;
  readonly action: string;
  readonly context: Dict;
}

export interface EvaluationError {
  code: 'type_mismatch' | 'work_exhausted';
  rule_id?: string;
  field?: string;
  operator?: string;
}

export interface Decision {
  effect: Effect;
  matched_rule: string | null;
  reason: string;
  default: boolean;
  budget: Dict | null;
  min_approvers: number | null;
  errors: EvaluationError[];
}

interface Rule {
  id: string;
  agent: string;
  action: string;
  effect: Effect;
  conditions: Dict;
  priority: number;
  enabled: boolean;
  reason: string;
  budget: Dict | null;
  metadata: Dict;
}

const defaults = { conditions: {}, priority: 50, enabled: true, reason: '', budget: null, metadata: {} };

// ---- "Decision"

export function decide(bundle: Bundle, request: Request): Decision {
  const lists = bundle.lists ?? {};
  const { context } = request;
  const candidates = bundle.rules
    .map((rule) => ({ ...defaults, ...(rule as Dict) }) as Rule)
    .filter((rule) => rule.enabled && covers(rule.agent, request.agent) && covers(rule.action, request.action))
    .sort(decisionOrder);

  const none = { matched_rule: null, budget: null, min_approvers: null };
  if (work(candidates, context) > 50_000_000) {
    const reason = 'evaluating this request is more work than one decision may cause';
    return { ...none, effect: 'deny', reason, default: false, errors: [{ code: 'work_exhausted' }] };
  }

  const errors: EvaluationError[] = [];
  for (const rule of candidates) {
    const isMismatch = (test: Test) => outcome(test, context, lists) === 'mismatch';
    if (testsIn(rule.conditions).some(isMismatch)) {
      for (const { field, operator } of canonicalTests(rule.conditions).filter(isMismatch)) {
        if (errors.length < 32) errors.push({ code: 'type_mismatch', rule_id: rule.id, field, operator });
      }
    }
    if (!holds(rule.conditions, context, lists)) continue;
    const { effect, reason, budget } = rule;
    const approvers = Object.hasOwn(rule.metadata, 'min_approvers') ? Number(rule.metadata.min_approvers) : null;
    return { effect, matched_rule: rule.id, reason, default: false, budget, min_approvers: approvers, errors };
  }
  const reason = 'no rule matched, the default effect applies';
  return { ...none, effect: bundle.default_effect ?? 'deny', reason, default: true, errors };
}

const strictness = { deny: 0, needs_approval: 1, allow: 2 };

function decisionOrder(a: Rule, b: Rule): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.effect !== b.effect) return strictness[a.effect] - strictness[b.effect];
  return a.id < b.id ? -1 : 1;
}

function covers(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  return pattern.endsWith('.*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

// ---- "Meaning"

export function holds(conditions: Dict, context: Dict, lists: Readonly<Record<string, NamedList>>): boolean {
  return entriesOf(conditions).every((entry) => {
    if ('all' in entry) return entry.all.every((inner) => holds(inner, context, lists));
    if ('any' in entry) return entry.any.some((inner) => holds(inner, context, lists));
    if ('not' in entry) return !holds(entry.not, context, lists);
    return outcome(entry.test, context, lists) === 'met';
  });
}

type Outcome = 'met' | 'not_met' | 'missing' | 'mismatch';

/** The value at a path of own properties; undefined when absent or null. */
export function read(context: Dict, path: string): unknown {
  let value: unknown = context;
  for (const segment of path.split('.')) {
    if (segment === '__proto__' || segment === 'constructor' || segment === 'prototype') return undefined;
    if (!isDict(value) || !Object.hasOwn(value, segment)) return undefined;
    value = value[segment];
  }
  return value ?? undefined;
}

function outcome(test: Test, context: Dict, lists: Readonly<Record<string, NamedList>>): Outcome {
  const { operator } = test;
  let left = read(context, test.field);
  let right = rightValue(test.right, context);
  if (left === undefined) {
    const isMet = (operator === 'exists' && right === false) || (operator === 'is_empty' && right === true);
    return isMet ? 'met' : 'missing';
  }
  if (right === undefined) return 'missing';
  if ('list' in test.right) {
    const list = lists[test.right.list];
    if (list === undefined) throw new Error(`decide was given an unchecked list: ${test.right.list}`);
    right = normalized(list.values, list.normalize);
    // domain_in reads the hosts of its left side as they are.
    if (operator !== 'domain_in') left = normalized(left, list.normalize);
  }
  const result = meets(operator, left, right, 'field' in test.right);
  return result === 'mismatch' ? result : result ? 'met' : 'not_met';
}

function rightValue(right: Right, context: Dict): unknown {
  if ('field' in right) return read(context, right.field);
  return 'literal' in right ? right.literal : [];
}

function meets(operator: string, left: unknown, right: unknown, rightIsField: boolean): boolean | 'mismatch' {
  const isMember = (value: unknown) => isScalar(value) && (right as unknown[]).some((other) => other === value);
  switch (operator) {
    case '==':
      return sameJson(left, right);
    case '!=':
      return !sameJson(left, right);
    case 'in':
    case 'not_in':
      if (rightIsField && !Array.isArray(right)) return 'mismatch';
      return isMember(left) === (operator === 'in');
    case '>=':
    case '<=':
    case '>':
    case '<':
      return ordered(operator, left, right);
    case 'contains':
    case 'not_contains': {
      const found = containing(left, right);
      return found === 'mismatch' ? found : found === (operator === 'contains');
    }
    case 'starts_with':
      return typeof left === 'string' && typeof right === 'string' ? left.startsWith(right) : 'mismatch';
    case 'ends_with':
      return typeof left === 'string' && typeof right === 'string' ? left.endsWith(right) : 'mismatch';
    case 'matches':
      return typeof left === 'string' ? RE2JS.compile(String(right)).matcher(left).find() : 'mismatch';
    case 'exists':
      return right === true;
    case 'is_empty':
      return isEmpty(left) === right;
    case 'any_in':
    case 'all_in':
      if (isDict(left) || !Array.isArray(right)) return 'mismatch';
      if (!Array.isArray(left)) return isMember(left);
      return operator === 'any_in' ? left.some(isMember) : left.length > 0 && left.every(isMember);
    case 'domain_in':
      return Array.isArray(right) ? domainIn(left, right) : 'mismatch';
  }
  throw new Error(`no such operator: ${operator}`);
}

/** Deep equality of JSON values; `===` has -0 equal 0. */
function sameJson(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((element, i) => sameJson(element, b[i]));
  }
  if (isDict(a) && isDict(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
    );
  }
  return a === b;
}

function ordered(operator: '>=' | '<=' | '>' | '<', left: unknown, right: unknown): boolean | 'mismatch' {
  let difference: number;
  if (typeof left === 'number' && typeof right === 'number') difference = left < right ? -1 : left > right ? 1 : 0;
  else if (typeof left === 'string' && typeof right === 'string') difference = byCodePoint(left, right);
  else return 'mismatch';
  if (operator === '>=') return difference >= 0;
  if (operator === '<=') return difference <= 0;
  return operator === '>' ? difference > 0 : difference < 0;
}

function byCodePoint(a: string, b: string): number {
  const as = Array.from(a, (c) => c.codePointAt(0) ?? 0);
  const bs = Array.from(b, (c) => c.codePointAt(0) ?? 0);
  for (let i = 0; i < Math.min(as.length, bs.length); i++) {
    const difference = (as[i] ?? 0) - (bs[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return as.length - bs.length;
}

function containing(left: unknown, right: unknown): boolean | 'mismatch' {
  if (typeof left === 'string' && typeof right === 'string') return left.includes(right);
  if (Array.isArray(left) && isScalar(right)) return left.some((element) => element === right);
  return 'mismatch';
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isDict(value) ? Object.keys(value).length === 0 : value === '';
}

function domainIn(left: unknown, entries: unknown[]): boolean | 'mismatch' {
  const texts = Array.isArray(left) ? left : [left];
  const hosts = texts.map((text) => (typeof text === 'string' ? hostOf(text) : null));
  if (hosts.includes(null)) return 'mismatch';
  const names = entries.map((entry) => (typeof entry === 'string' ? hostOfName(entry) : null));
  const isIn = (host: string | null) =>
    names.some((name) => name !== null && (host === name || host?.endsWith(`.${name}`)));
  return hosts.length > 0 && hosts.every(isIn);
}

/** `normalize` of a named list, on a string or the strings of an array. */
export function normalized(value: unknown, normalize: NamedList['normalize']): unknown {
  if (Array.isArray(value))
    return value.map((element) => (Array.isArray(element) ? element : normalized(element, normalize)));
  if (typeof value !== 'string') return value;
  if (normalize === 'lower') return value.toLowerCase();
  if (normalize === 'email') return value.trim().toLowerCase();
  return normalize === 'host' ? (hostOf(value) ?? hostOfName(value) ?? value) : value;
}

// ---- "Work limit"

function work(candidates: readonly Rule[], context: Dict): number {
  const costs = new Map<string, number>();
  for (const { field, operator, right } of candidates.flatMap((rule) => testsIn(rule.conditions))) {
    const left = read(context, field);
    const other = 'field' in right ? read(context, right.field) : undefined;
    const test = `${operator} ${field} ${rightText(right)}`;
    if (operator === 'matches') {
      costs.set(test, 16 * textLength(left));
    } else if (operator === 'domain_in') {
      costs.set(`${operator} ${field}`, 16 * (Array.isArray(left) ? textLengths(left) : textLength(left)));
      costs.set(test, Array.isArray(other) ? 16 * textLengths(other) : 0);
    } else if (['contains', 'not_contains', 'any_in', 'all_in'].includes(operator)) {
      costs.set(test, (Array.isArray(left) ? left.length : textLength(left)) + arrayLength(other));
    } else if (operator === 'in' || operator === 'not_in') {
      costs.set(test, arrayLength(other));
    }
  }
  return [...costs.values()].reduce((sum, cost) => sum + cost, 0);
}

const arrayLength = (value: unknown) => (Array.isArray(value) ? value.length : 0);
const textLength = (value: unknown) => (typeof value === 'string' ? value.length : 0);
const textLengths = (values: readonly unknown[]) => values.reduce((sum: number, value) => sum + textLength(value), 0);
