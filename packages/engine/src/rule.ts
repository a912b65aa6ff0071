import type { Condition } from './condition.js';
import { type Diagnostic, type DiagnosticCode, hint, type Path, quoted } from './diagnostic.js';
import type { Rule, RuleInput } from './generated/rule.js';
import { ruleSchema } from './generated/rule-schema.js';
import { validate } from './generated/validate-rule.js';
import { limits } from './limits.js';
import { createConditionParser, longerThan } from './parse-condition.js';
import { type RuleMemory, recalledRule, rememberRule } from './rule-memory.js';

/** A valid rule with the meaning of its conditions. */
export interface ParsedRule {
  readonly rule: Rule;
  readonly condition: Condition;
}

/**
 * The rules with their defaults filled in, in the order given, or everything that is wrong with them (at most 1,000
 * findings). Checks the schema, duplicate ids, the conditions and the limits; paths begin with the rule's index.
 * Named lists are not looked up: `compile` does that. Never throws.
 */
export function parseRules(rules: readonly unknown[]): Rule[] | Diagnostic[] {
  const parsed = parseRuleSet(rules, limits.rules);
  return 'diagnostics' in parsed ? parsed.diagnostics : parsed.rules.map(({ rule }) => rule);
}

/** As `parseRules`, with each rule's condition, and a limit of the caller's. */
export function parseRuleSet(
  rules: readonly unknown[],
  maxRules: number,
): { rules: ParsedRule[] } | { diagnostics: Diagnostic[] } {
  const { sound, diagnostics } = readRules(rules, { maxRules, maxDiagnostics: limits.diagnostics });
  return diagnostics.length > 0 ? { diagnostics } : { rules: sound };
}

/** A valid rule and where it stands among those given. */
export interface SoundRule extends ParsedRule {
  readonly index: number;
}

/**
 * The rules that are valid by themselves, in the order given, and everything that is wrong, in the same order; reading
 * ends once there are `maxDiagnostics`. Of rules with one id the first is valid. A memory saves work and changes nothing.
 * Never throws.
 */
export function readRules(
  rules: readonly unknown[],
  { maxRules, maxDiagnostics, memory }: { maxRules: number; maxDiagnostics: number; memory?: RuleMemory },
): { sound: SoundRule[]; diagnostics: Diagnostic[] } {
  if (!Array.isArray(rules)) {
    return { sound: [], diagnostics: [diagnostic('invalid-rule', 'rules must be an array of rules', [])] };
  }
  if (rules.length > maxRules) {
    const message = `a bundle has at most ${maxRules} rules and this one has ${rules.length}: split it`;
    return { sound: [], diagnostics: [diagnostic('limit-exceeded', message, [])] };
  }
  const diagnostics: Diagnostic[] = [];
  const sound: SoundRule[] = [];
  const seen = new Map<string, number>();
  const parseCondition = createConditionParser();
  for (let index = 0; index < rules.length && diagnostics.length < maxDiagnostics; index++) {
    const input: unknown = rules[index];
    const before = diagnostics.length;
    const id = memory === undefined ? null : idOf(input);
    const known = memory === undefined || id === null || seen.has(id) ? null : recalledRule(memory, id, input);
    if (id !== null && known !== null) {
      seen.set(id, index);
      sound.push({ index, rule: known.rule, condition: known.condition });
      continue;
    }
    diagnostics.push(...duplicateId(seen, input, index), ...ruleProblems(input, index));
    const isTwin = diagnostics.length === before + 1 && diagnostics[before]?.code === 'duplicate-id';
    if (diagnostics.length > before && !isTwin) continue;
    const rule = withDefaults(input as RuleInput);
    const condition = parseCondition(rule.conditions);
    if (Array.isArray(condition)) {
      for (const problem of condition) {
        diagnostics.push({ ...problem, rule_id: rule.id, path: [index, 'conditions', ...problem.path] });
      }
    } else if (!isTwin) {
      sound.push({ index, rule, condition });
      if (memory === undefined) continue;
      rememberRule(memory, input as RuleInput, condition, (copy) => ({ rule: withDefaults(copy), condition }));
    }
  }
  return { sound, diagnostics: diagnostics.slice(0, maxDiagnostics) };
}

/** The rule with its defaults filled in. The rule must be valid. */
export function withDefaults(rule: RuleInput): Rule {
  return {
    ...rule,
    conditions: rule.conditions ?? {},
    // `-0` is 0 everywhere.
    priority: (rule.priority ?? 50) + 0,
    enabled: rule.enabled ?? true,
    tags: rule.tags ?? [],
    metadata: rule.metadata ?? {},
  };
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
}

function ruleProblems(input: unknown, index: number): Diagnostic[] {
  const id = idOf(input);
  if (!(validate as (data: unknown) => boolean)(input)) {
    const errors = (validate as unknown as { errors: readonly SchemaError[] }).errors.slice(0, 32);
    return errors.map((error) => schemaDiagnostic(error, input, index, id));
  }
  const rule = input as RuleInput;
  return [
    ...jsonProblems(rule.reason, [index, 'reason'], id),
    ...jsonProblems(rule.tags, [index, 'tags'], id),
    ...jsonProblems(rule.metadata, [index, 'metadata'], id),
  ];
}

function duplicateId(seen: Map<string, number>, input: unknown, index: number): Diagnostic[] {
  const id = idOf(input);
  if (id === null) return [];
  const first = seen.get(id);
  if (first === undefined) {
    seen.set(id, index);
    return [];
  }
  const message = `the id ${quoted(id)} is taken by rule ${first + 1}: give each rule its own`;
  return [diagnostic('duplicate-id', message, [index, 'id'], id)];
}

function schemaDiagnostic(error: SchemaError, input: unknown, index: number, id: string | null): Diagnostic {
  const inside = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const name = inside.join('.');
  const { params } = error;
  switch (error.keyword) {
    case 'required': {
      const missing = String(params.missingProperty);
      return diagnostic('invalid-rule', `the rule has no \`${missing}\`: add it`, [index, ...inside], id);
    }
    case 'additionalProperties': {
      const key = String(params.additionalProperty);
      const known = inside[0] === 'budget' ? ruleSchema.properties.budget.properties : ruleSchema.properties;
      const meant = hint(key, Object.keys(known));
      const advice = meant || (inside.length > 0 ? ': remove it' : ': remove it, or keep it under `metadata`');
      return diagnostic('invalid-rule', `unknown key ${quoted(key)}${advice}`, [index, ...inside, key], id);
    }
    case 'enum': {
      const allowed = params.allowedValues as readonly string[];
      const value = valueAt(input, inside);
      const meant = typeof value === 'string' ? hint(value, allowed) : '';
      const names = allowed.map((word) => `\`${word}\``).join(', ');
      return diagnostic('invalid-rule', `\`${name}\` must be one of ${names}${meant}`, [index, ...inside], id);
    }
    default:
      return diagnostic('invalid-rule', constraintMessage(error, name), [index, ...inside], id);
  }
}

const article: Readonly<Record<string, string>> = {
  string: 'a string',
  integer: 'an integer',
  number: 'a finite number',
  boolean: '`true` or `false`',
  array: 'an array',
  object: 'an object',
};

const patternMeaning: Readonly<Record<string, string>> = {
  id: 'must be 3 to 64 lower-case letters, digits, `_` or `-`, and begin with a letter or digit',
  agent: 'must be a dotted name such as `inbox.triage`, a prefix such as `inbox.*`, or `*`',
  action: 'must be a name such as `github.create_issue`, a prefix such as `github.*`, or `*`',
};

function constraintMessage({ keyword, params }: SchemaError, name: string): string {
  const what = name === '' ? 'a rule' : `\`${name}\``;
  switch (keyword) {
    case 'type':
      return `${what} must be ${article[String(params.type)] ?? String(params.type)}`;
    case 'pattern':
      return `${what} ${patternMeaning[name] ?? `must match ${String(params.pattern)}`}`;
    case 'minimum':
      return `${what} must be at least ${String(params.limit)}`;
    case 'maximum':
      return `${what} must be at most ${String(params.limit)}`;
    case 'maxLength':
      return `${what} must have at most ${String(params.limit)} characters: shorten it`;
    case 'maxItems':
      return `${what} must have at most ${String(params.limit)} items`;
    default:
      return `${what} breaks the rule schema (${keyword})`;
  }
}

/** What JSON cannot hold, or too deep or long, in a free value: in-process callers can hand over anything. */
function jsonProblems(value: unknown, path: Path, id: string | null): Diagnostic[] {
  const problem = jsonProblem(value, 0);
  if (problem === null) return [];
  return [diagnostic(problem.code, problem.message, path, id)];
}

function jsonProblem(value: unknown, depth: number): { code: DiagnosticCode; message: string } | null {
  if (value === null || value === undefined || typeof value === 'boolean') return null;
  if (typeof value === 'string') {
    if (!longerThan(value, limits.stringBytes)) return null;
    return { code: 'limit-exceeded', message: `a string has at most ${limits.stringBytes} bytes: shorten it` };
  }
  if (typeof value === 'number' && Number.isFinite(value)) return null;
  if (typeof value !== 'object') {
    return { code: 'invalid-rule', message: `\`${String(value)}\` has no JSON form: use a string or a finite number` };
  }
  if (depth >= limits.contextDepth) {
    const message = `values are nested more than ${limits.contextDepth} levels deep: flatten them`;
    return { code: 'limit-exceeded', message };
  }
  for (const member of Object.values(value)) {
    const problem = jsonProblem(member, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}

function diagnostic(code: DiagnosticCode, message: string, path: Path, ruleId: string | null = null): Diagnostic {
  return { code, message, rule_id: ruleId, path };
}

function idOf(input: unknown): string | null {
  if (typeof input !== 'object' || input === null || !Object.hasOwn(input, 'id')) return null;
  const id = (input as { id: unknown }).id;
  return typeof id === 'string' ? id : null;
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const part of path) value = (value as Record<string | number, unknown> | undefined)?.[part];
  return value;
}
