import { canonicalJson } from '../canonical.js';
import { type Check, checkOf, outcome, type Resources } from '../check.js';
import type { Condition, Scalar, Test } from '../condition.js';
import { formatOperand } from '../format-condition.js';
import { hostsOf } from '../host.js';
import { listMembers } from '../list.js';

/**
 * How the analysis treats a test on strings. `exact`: the constants tell; `order`, `prefix`: the beginning tells;
 * `inner`, `suffix`: kept as obligations; `host`, `normalized`, `pattern`, `field`: only some cases are understood.
 */
export type Role = 'exact' | 'order' | 'prefix' | 'inner' | 'suffix' | 'host' | 'normalized' | 'pattern' | 'field';

/** A test, once for each pair of agent and action however many rules make it. */
export interface Atom {
  readonly id: number;
  readonly test: Test;
  readonly role: Role;
  /** What the test says of these values, asked of the evaluator; `undefined` is missing. */
  holds(left: unknown, right?: unknown): boolean;
  /** The scalars the test compares with, those of a named list included. */
  readonly constants: readonly Scalar[];
  readonly resources: Resources;
}

/** Whether values that meet the test can at times only be guessed. */
export function isGuessed({ role }: Atom): boolean {
  return role === 'field' || role === 'pattern' || role === 'host' || role === 'normalized';
}

/** What makes two tests the same. Two sides may call different lists by one name: `listTag` keeps them apart. */
export function testKey(test: Test, listTag: (name: string) => string): string {
  const { field, operator, operand } = test;
  const tag = operand.kind === 'list' ? listTag(operand.name) : '';
  return `${field} ${operator} ${tag}${canonicalJson(formatOperand(operand))}`;
}

const left = 0;
const right = 1;
const hosts = 2;
const slots = (test: Test) => ({
  slot: (field: string) => (field === test.field ? left : right),
  hostSlot: () => hosts,
});

export function atomOf(id: number, test: Test, resources: Resources): Atom {
  const check: Check = checkOf(test, slots(test), resources);
  const readsHosts = test.operator === 'domain_in';
  const sameField = test.operand.kind === 'field' && test.operand.field === test.field;
  return {
    id,
    test,
    role: roleOf(test, resources),
    holds: (value, other) =>
      check([value, sameField ? value : other, readsHosts && value !== undefined ? hostsOf(value) : undefined]) ===
      outcome.met,
    constants: constantsOf(test, resources),
    resources,
  };
}

function roleOf({ operator, operand }: Test, resources: Resources): Role {
  if (operand.kind === 'field') return 'field';
  if (operator === 'domain_in') return 'host';
  if (operand.kind === 'list') return resources.list(operand.name).normalize === undefined ? 'exact' : 'normalized';
  const text = operand.kind === 'value' && typeof operand.value === 'string';
  switch (operator) {
    case '>=':
    case '<=':
    case '>':
    case '<':
      return text ? 'order' : 'exact';
    case 'contains':
    case 'not_contains':
      return text ? 'inner' : 'exact';
    case 'starts_with':
      return 'prefix';
    case 'ends_with':
      return 'suffix';
    case 'matches':
      return 'pattern';
    default:
      return 'exact';
  }
}

function constantsOf({ operator, operand }: Test, resources: Resources): readonly Scalar[] {
  if (operator === 'exists' || operator === 'is_empty' || operator === 'matches') return [];
  if (operand.kind === 'value') return [operand.value];
  if (operand.kind === 'values') return operand.values;
  if (operand.kind === 'list') return [...resources.list(operand.name).members] as Scalar[];
  return [];
}

/** The members of a list, for telling two lists of one name apart. */
export function listKey(list: Parameters<typeof listMembers>[0]): string {
  const members = [...listMembers(list)].map((member) => canonicalJson(member)).sort();
  return `${list.normalize ?? ''} ${members.join(',')}`;
}

/** A condition in negation normal form: `sign` false is the test's failing, for whatever reason. */
export interface Literal {
  readonly kind: 'literal';
  readonly atom: Atom;
  readonly sign: boolean;
  /** The fields below the node, folded into 32 bits. */
  readonly bits: number;
  negation: Formula;
}
export interface Junction {
  readonly kind: 'all' | 'any';
  readonly of: readonly Formula[];
  readonly bits: number;
  negation: Formula;
}
export type Formula = Literal | Junction;

/** The condition as a formula, its negation beside it. `not` flips signs and never rewrites an operator. */
export function formulaOf(condition: Condition, literal: (test: Test) => Literal): Formula {
  switch (condition.kind) {
    case 'test':
      return literal(condition);
    case 'not':
      return formulaOf(condition.of, literal).negation;
    case 'all':
    case 'any':
      return junction(
        condition.kind,
        condition.of.map((child) => formulaOf(child, literal)),
      );
  }
}

export function junction(kind: 'all' | 'any', of: readonly Formula[]): Formula {
  const bits = of.reduce((all, child) => all | child.bits, 0);
  const opposite = kind === 'all' ? 'any' : 'all';
  const positive = { kind, of, bits } as Omit<Junction, 'negation'> as Junction;
  positive.negation = { kind: opposite, of: of.map(({ negation }) => negation), bits, negation: positive };
  return positive;
}

export function literalOf(atom: Atom, bits: number): Literal {
  const positive = { kind: 'literal', atom, sign: true, bits } as Omit<Literal, 'negation'> as Literal;
  positive.negation = { kind: 'literal', atom, sign: false, bits, negation: positive };
  return positive;
}

/** Whether the formula holds when each test says what `says` does. */
export function evaluate(formula: Formula, says: (atom: Atom) => boolean): boolean {
  switch (formula.kind) {
    case 'literal':
      return says(formula.atom) === formula.sign;
    case 'all':
      return formula.of.every((child) => evaluate(child, says));
    case 'any':
      return formula.of.some((child) => evaluate(child, says));
  }
}
