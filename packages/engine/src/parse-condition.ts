import { RE2JS } from 're2js';
import {
  type Condition,
  type Operand,
  type OperandShape,
  type Operator,
  operandShapes,
  type Scalar,
} from './condition.js';
import { type Diagnostic, type DiagnosticCode, hint, quoted } from './diagnostic.js';
import { allOf, anyOf, formatCondition, operatorValue, sortedValues } from './format-condition.js';
import { hostName } from './host.js';
import { limits } from './limits.js';
import { listName } from './list.js';
import { fieldProblem, type ParsedKey, parseKey } from './parse-key.js';

/**
 * The condition, in normal form, that a condition object means, or what is wrong with it (paths lead from the
 * object, `rule_id` is null). Never throws, whatever the value.
 */
export function parseCondition(value: unknown): Condition | Diagnostic[] {
  return createConditionParser()(value);
}

/** A parser that remembers keys and patterns, which repeat from rule to rule, as long as the caller keeps it. */
export function createConditionParser(): (value: unknown) => Condition | Diagnostic[] {
  const keys = new Map<string, ParsedKey>();
  const patterns: Patterns = { problems: new Map(), instructions: 0 };
  return (value) => {
    const parse: Parse = { keys, patterns, path: [], diagnostics: [], tests: 0, objects: 0, depth: 0 };
    const condition = parseObject(parse, value, 0);
    if (parse.tests > limits.testsPerRule) {
      report(
        parse,
        `a rule has at most ${limits.testsPerRule} tests and this one has ${parse.tests}: split the rule, or use a list`,
        'limit-exceeded',
      );
    }
    if (parse.diagnostics.length === 0) checkCanonical(parse, condition);
    return parse.diagnostics.length > 0 ? parse.diagnostics : condition;
  };
}

interface Patterns {
  /** What is wrong with a pattern that was seen; null: nothing. */
  readonly problems: Map<string, string | null>;
  /** Of all patterns compiled so far. */
  instructions: number;
}

interface Parse {
  readonly keys: Map<string, ParsedKey>;
  readonly patterns: Patterns;
  readonly path: (string | number)[];
  readonly diagnostics: Diagnostic[];
  tests: number;
  objects: number;
  depth: number;
}

// Stands where something was refused; never leaves the parser.
const refused: Condition = { kind: 'all', of: [] };
const shown = 32;

function parseObject(parse: Parse, value: unknown, level: number): Condition {
  if (!isObject(value)) {
    report(parse, `a condition must be an object such as \`{">=risk_score": 80}\`, not ${nameOf(value)}`);
    return refused;
  }
  parse.objects += 1;
  parse.depth = Math.max(parse.depth, level);
  if (parse.objects > limits.conditionObjects) {
    if (parse.objects === limits.conditionObjects + 1) {
      report(
        parse,
        `a rule has at most ${limits.conditionObjects} condition objects: split the rule`,
        'limit-exceeded',
      );
    }
    return refused;
  }
  if (level > limits.nesting) {
    report(
      parse,
      `conditions are nested more than ${limits.nesting} levels deep: flatten them, or split the rule`,
      'limit-exceeded',
    );
    return refused;
  }
  const children: Condition[] = [];
  for (const key of Object.keys(value)) {
    parse.path.push(key);
    children.push(parseEntry(parse, key, value[key], level));
    parse.path.pop();
    if (parse.diagnostics.length >= shown) break;
  }
  return allOf(children);
}

function parseEntry(parse: Parse, key: string, value: unknown, level: number): Condition {
  let parsed = parse.keys.get(key);
  if (parsed === undefined) {
    parsed = parseKey(key);
    if (parse.keys.size < 10_000) parse.keys.set(key, parsed);
  }
  if (parsed.kind === 'error') {
    report(parse, parsed.message);
    return refused;
  }
  if (parsed.kind === 'test') {
    parse.tests += 1;
    return parseTest(parse, parsed.field, parsed.operator, parsed.bare, value);
  }
  if (parsed.combinator === 'not') return { kind: 'not', of: parseObject(parse, value, level + 1) };
  if (!Array.isArray(value)) {
    report(
      parse,
      `\`${parsed.combinator}\` takes an array of condition objects, not ${nameOf(value)}; a field of that name is written \`==${parsed.combinator}\``,
    );
    return refused;
  }
  const children: Condition[] = [];
  for (
    let i = 0;
    i < value.length && parse.objects <= limits.conditionObjects && parse.diagnostics.length < shown;
    i++
  ) {
    parse.path.push(i);
    children.push(parseObject(parse, value[i], level + 1));
    parse.path.pop();
  }
  return parsed.combinator === 'all' ? allOf(children) : anyOf(children);
}

/** Other names of the combinators, as they are called elsewhere; read as fields unless their value cannot be one's. */
const combinatorNames: ReadonlyMap<string, string> = new Map([
  ['all', 'all'],
  ['and', 'all'],
  ['allof', 'all'],
  ['any', 'any'],
  ['or', 'any'],
  ['anyof', 'any'],
  ['not', 'not'],
]);

/** The combinator that somebody meant who put conditions under the name of a field. */
function combinatorMeant(field: string, value: unknown): string | undefined {
  const [first] = Array.isArray(value) ? value : [value];
  return isObject(first) ? combinatorNames.get(field.toLowerCase()) : undefined;
}

function parseTest(parse: Parse, field: string, written: Operator, bare: boolean, value: unknown): Condition {
  const meant = bare ? combinatorMeant(field, value) : undefined;
  if (meant !== undefined && !isReference(value)) {
    report(parse, `${quoted(field)} is no combinator, did you mean \`${meant}\`?`);
    return refused;
  }
  const inValue = bare && typeof value === 'string' ? operatorValue.exec(value) : null;
  const operator = inValue === null ? written : (inValue[1] as Operator);
  const operand = parseOperand(parse, operator, inValue === null ? value : Number(inValue[2]));
  if (operand === null) return refused;
  const membership = operand.kind === 'values' || operand.kind === 'list';
  if (membership && operator === '==') return { kind: 'test', field, operator: 'in', operand };
  if (membership && operator === '!=') return { kind: 'test', field, operator: 'not_in', operand };
  return { kind: 'test', field, operator, operand };
}

function parseOperand(parse: Parse, operator: Operator, value: unknown): Operand | null {
  const shapes = operandShapes[operator];
  const operand = isObject(value) ? parseReference(parse, value) : parseLiteral(parse, value);
  if (operand === null) return null;
  const shape = shapeOf(operand, shapes);
  if (!shapes.includes(shape)) {
    report(parse, `\`${operator}\` takes ${shapes.map((s) => shapeNames[s]).join(' or ')}, not ${nameOf(value)}`);
    return null;
  }
  if (operator === 'matches' && operand.kind === 'value') {
    const problem = patternProblem(parse, operand.value as string);
    if (problem !== null) {
      report(parse, problem.message, problem.code);
      return null;
    }
  }
  if (operator === 'domain_in' && operand.kind === 'values') {
    const wrong = operand.values.find((entry) => hostName(entry as string) === null);
    if (wrong !== undefined) {
      report(
        parse,
        `${quoted(wrong as string)} is no domain name: write it bare, such as \`example.com\`; sub-domains are included`,
      );
      return null;
    }
  }
  return operand;
}

function isReference(value: unknown): boolean {
  return isObject(value) && (Object.hasOwn(value, 'field') || Object.hasOwn(value, 'list'));
}

function parseReference(parse: Parse, value: Record<string, unknown>): Operand | null {
  const keys = Object.keys(value);
  const [key = ''] = keys;
  if (keys.length !== 1 || (key !== 'field' && key !== 'list')) {
    report(
      parse,
      `a value may be an object only as \`{"field": "other.path"}\` or \`{"list": "name"}\`${keys.length === 1 ? hint(key, ['field', 'list']) : ''}`,
    );
    return null;
  }
  const name = value[key];
  if (typeof name !== 'string') {
    report(parse, `\`${key}\` must be a string, not ${nameOf(name)}`);
    return null;
  }
  if (key === 'field') {
    const problem = fieldProblem(name);
    if (problem !== null) report(parse, problem);
    return problem === null ? { kind: 'field', field: name } : null;
  }
  if (!listName.test(name)) {
    report(parse, `${quoted(name)} is no list name: use up to 64 lower-case letters, digits, \`_\` or \`-\``);
    return null;
  }
  return { kind: 'list', name };
}

function parseLiteral(parse: Parse, value: unknown): Operand | null {
  if (!Array.isArray(value)) {
    return isScalar(parse, value) ? { kind: 'value', value: value === 0 ? 0 : value } : null;
  }
  if (value.length > limits.literalValues) {
    report(
      parse,
      `an array has at most ${limits.literalValues} values and this one has ${value.length}: use a named list`,
      'limit-exceeded',
    );
    return null;
  }
  for (let i = 0; i < value.length; i++) {
    parse.path.push(i);
    const fine = isScalar(parse, value[i]);
    parse.path.pop();
    if (!fine) return null;
  }
  return { kind: 'values', values: sortedValues(value) };
}

function isScalar(parse: Parse, value: unknown): value is Scalar {
  if (typeof value === 'string') {
    if (!longerThan(value, limits.stringBytes)) return true;
    report(parse, `a string has at most ${limits.stringBytes} bytes: shorten it`, 'limit-exceeded');
    return false;
  }
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return true;
    report(parse, 'a number must be finite: write one that a double can hold');
    return false;
  }
  if (typeof value === 'boolean' || value === null) return true;
  report(parse, `a value must be a string, number, boolean or null, not ${nameOf(value)}`);
  return false;
}

function shapeOf(operand: Operand, accepted: readonly OperandShape[]): OperandShape {
  if (operand.kind === 'list' || operand.kind === 'field') return operand.kind;
  if (operand.kind === 'values') {
    return accepted.includes('strings') && operand.values.every((value) => typeof value === 'string')
      ? 'strings'
      : 'values';
  }
  if (accepted.includes('scalar')) return 'scalar';
  const type = typeof operand.value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'scalar';
}

const shapeNames: Readonly<Record<OperandShape, string>> = {
  scalar: 'a string, number, boolean or null',
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  values: 'an array of strings, numbers, booleans or nulls',
  strings: 'an array of domain names',
  list: '`{"list": "name"}`',
  field: '`{"field": "other.path"}`',
};

function patternProblem(parse: Parse, pattern: string): { message: string; code: DiagnosticCode } | null {
  if (pattern.length > limits.matchesChars) {
    return { message: `a pattern has at most ${limits.matchesChars} characters: shorten it`, code: 'limit-exceeded' };
  }
  const { problems } = parse.patterns;
  let problem = problems.get(pattern);
  if (problem === undefined) {
    problem = compileProblem(parse.patterns, pattern);
    if (problems.size < 10_000) problems.set(pattern, problem);
  }
  return problem === null
    ? null
    : {
        message: problem,
        code: problem === patternTooLarge || problem === patternsTooLarge ? 'limit-exceeded' : 'invalid-condition',
      };
}

const patternTooLarge = 'the pattern is too large once its repetitions are written out: use smaller counts';
const patternsTooLarge = 'the patterns of the bundle are too large together: use fewer or simpler ones, or a list';

function compileProblem(patterns: Patterns, pattern: string): string | null {
  if (patterns.instructions > limits.bundleMatchesInstructions) return patternsTooLarge;
  try {
    const instructions = RE2JS.compile(pattern).programSize();
    patterns.instructions += instructions;
    return instructions > limits.matchesInstructions ? patternTooLarge : null;
  } catch (error) {
    const detail = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    return `${quoted(pattern)} is not a pattern in RE2 syntax: ${quoted(detail).slice(1, -1)}`;
  }
}

/** The canonical spelling can need more objects than the written one; it must keep to the limits too, to be read back. */
function checkCanonical(parse: Parse, condition: Condition): void {
  if (parse.depth * 2 < limits.nesting && parse.objects * 2 + parse.tests + 2 < limits.conditionObjects) return;
  const { objects, depth } = measure(formatCondition(condition), 0);
  if (depth > limits.nesting || objects > limits.conditionObjects) {
    report(
      parse,
      `written canonically, these conditions need ${objects} objects nested ${depth} deep, and the limits are ${limits.conditionObjects} and ${limits.nesting}: split the rule`,
      'limit-exceeded',
    );
  }
}

function measure(object: Record<string, unknown>, level: number): { objects: number; depth: number } {
  const total = { objects: 1, depth: level };
  for (const key of ['any', 'all', 'not']) {
    const value = Object.hasOwn(object, key) ? object[key] : undefined;
    const children = Array.isArray(value) ? value : isObject(value) ? [value] : [];
    for (const child of children) {
      const { objects, depth } = measure(child as Record<string, unknown>, level + 1);
      total.objects += objects;
      total.depth = Math.max(total.depth, depth);
    }
  }
  return total;
}

function report(parse: Parse, message: string, code: DiagnosticCode = 'invalid-condition'): void {
  if (parse.diagnostics.length >= shown) return;
  parse.diagnostics.push({ code, message, rule_id: null, path: [...parse.path] });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether the text needs more than this many UTF-8 bytes. */
export function longerThan(text: string, bytes: number): boolean {
  if (text.length * 3 <= bytes) return false;
  return text.length > bytes || new TextEncoder().encode(text).length > bytes;
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return quoted(value);
  return typeof value === 'number' || typeof value === 'boolean' ? `\`${value}\`` : `a ${typeof value}`;
}
