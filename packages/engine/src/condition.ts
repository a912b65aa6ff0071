/** The one meaning behind every spelling of a condition: a tree of tests. */
export type Scalar = string | number | boolean | null;

export const comparisons = ['>=', '<=', '==', '!=', '>', '<'] as const;
export const wordOperators = [
  'in',
  'not_in',
  'contains',
  'not_contains',
  'starts_with',
  'ends_with',
  'matches',
  'exists',
  'is_empty',
  'any_in',
  'all_in',
  'domain_in',
] as const;

export type Comparison = (typeof comparisons)[number];
export type WordOperator = (typeof wordOperators)[number];
export type Operator = Comparison | WordOperator;

export type Operand =
  | { readonly kind: 'value'; readonly value: Scalar }
  | { readonly kind: 'values'; readonly values: readonly Scalar[] }
  | { readonly kind: 'list'; readonly name: string }
  | { readonly kind: 'field'; readonly field: string };

export interface Test {
  readonly kind: 'test';
  readonly field: string;
  readonly operator: Operator;
  readonly operand: Operand;
}
export interface AllOf {
  readonly kind: 'all';
  readonly of: readonly Condition[];
}
export interface AnyOf {
  readonly kind: 'any';
  readonly of: readonly Condition[];
}
export interface Not {
  readonly kind: 'not';
  readonly of: Condition;
}

/** A condition in normal form; `all` of nothing always holds, `any` of nothing never does. */
export type Condition = AllOf | AnyOf | Not | Test;

/** The operands each operator takes; `scalar` stands for string, number, boolean and null. */
export type OperandShape = 'scalar' | 'string' | 'number' | 'boolean' | 'values' | 'strings' | 'list' | 'field';

const membership: readonly OperandShape[] = ['values', 'list', 'field'];
const equality: readonly OperandShape[] = ['scalar', 'values', 'list', 'field'];
const order: readonly OperandShape[] = ['number', 'string', 'field'];
const inclusion: readonly OperandShape[] = ['string', 'number', 'boolean', 'field'];

export const operandShapes: Readonly<Record<Operator, readonly OperandShape[]>> = {
  '>=': order,
  '<=': order,
  '>': order,
  '<': order,
  '==': equality,
  '!=': equality,
  in: membership,
  not_in: membership,
  contains: inclusion,
  not_contains: inclusion,
  starts_with: ['string', 'field'],
  ends_with: ['string', 'field'],
  matches: ['string'],
  exists: ['boolean'],
  is_empty: ['boolean'],
  any_in: membership,
  all_in: membership,
  domain_in: ['strings', 'list', 'field'],
};

/** What people write who come from another language. */
export const hintWords: Readonly<Record<string, Operator>> = {
  '=': '==',
  '===': '==',
  '=>': '>=',
  '=<': '<=',
  '<>': '!=',
  '!': '!=',
  '!==': '!=',
  eq: '==',
  equals: '==',
  is: '==',
  ne: '!=',
  neq: '!=',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  nin: 'not_in',
  notin: 'not_in',
  includes: 'contains',
  like: 'contains',
  regex: 'matches',
  match: 'matches',
  startswith: 'starts_with',
  startsWith: 'starts_with',
  endswith: 'ends_with',
  endsWith: 'ends_with',
  empty: 'is_empty',
  isEmpty: 'is_empty',
  present: 'exists',
};

/** Every test of a condition, depth first, in canonical order; a test that stands in two places comes twice. */
export function testsOf(condition: Condition): Test[] {
  const tests: Test[] = [];
  visitTests(condition, (test) => tests.push(test));
  return tests;
}

/** Calls `visit` with each of those tests, in that order. */
export function visitTests(condition: Condition, visit: (test: Test) => void): void {
  if (condition.kind === 'test') visit(condition);
  else if (condition.kind === 'not') visitTests(condition.of, visit);
  else for (const child of condition.of) visitTests(child, visit);
}

/** The fields a test reads: the left one, then the right one of a field-to-field test. */
export function fieldsOf(test: Test): string[] {
  return test.operand.kind === 'field' ? [test.field, test.operand.field] : [test.field];
}
