import { atomOf } from '../analysis/atom.js';
import { admitsScalar, admitsType, type FieldDomain } from '../analysis/domain.js';
import type { Resources } from '../check.js';
import type { Scalar, Test } from '../condition.js';
import { formatCondition } from '../format-condition.js';

/** Why a test does not fit what a field may hold. */
export interface Misfit {
  /** The beginning of a sentence that goes on with what the field holds. */
  readonly message: string;
  /** The literal values that the field never holds. */
  readonly stray: readonly Scalar[];
}

/**
 * Whether the test, for a field that is there, can never be met or compares with values the field never holds; `right`
 * is the other side of a field-to-field test. Null: it fits. The domains may say less than is so, then it fits too.
 */
export function misfitOf(test: Test, domain: FieldDomain, right: FieldDomain, resources: Resources): Misfit | null {
  const { operator, operand } = test;
  // A field that never holds anything is another check's, and these two ask about just that; nothing is in an empty
  // list, whatever the field holds.
  if (domain.types?.length === 0 || operator === 'exists' || operator === 'is_empty') return null;
  if (isEmptySet(test, resources)) return null;
  const written = `\`${JSON.stringify(formatCondition(test)).slice(1, -1)}\``;
  const never: Misfit = { message: `${written} is never met`, stray: [] };
  if (operand.kind === 'field') return fieldsFit(test, domain, right) ? null : never;
  const stray = strayValues(test, domain);
  if (stray.length > 0) {
    const all = operand.kind === 'value' || (operand.kind === 'values' && stray.length === operand.values.length);
    if (!all) return { message: `${written} names ${named(stray)}, which never occurs`, stray };
    const negative = operator === '!=' || operator === 'not_in';
    return { message: `${written} is ${negative ? 'always' : 'never'} met when the field is there`, stray };
  }
  if (domain.values !== undefined) {
    const atom = atomOf(0, test, resources);
    return domain.values.some((value) => value !== null && atom.holds(value)) ? null : never;
  }
  return typesFit(test, domain) ? null : { ...never, stray: operand.kind === 'value' ? [operand.value] : [] };
}

function isEmptySet({ operand }: Test, resources: Resources): boolean {
  if (operand.kind === 'list') return resources.list(operand.name).members.size === 0;
  return operand.kind === 'values' && operand.values.length === 0;
}

function named(values: readonly Scalar[]): string {
  const shown = values.slice(0, 3).map((value) => `\`${JSON.stringify(value)}\``);
  return shown.join(', ');
}

/** The literals of an equality or membership that the field never equals. */
function strayValues({ operator, operand }: Test, domain: FieldDomain): Scalar[] {
  if (!['==', '!=', 'in', 'not_in'].includes(operator)) return [];
  const literals = operand.kind === 'value' ? [operand.value] : operand.kind === 'values' ? operand.values : [];
  return literals.filter((value) => value !== null && !admitsScalar(domain, value));
}

/** Whether some value of the types, within the bounds, may meet a test with something written or a named list. */
function typesFit({ operator, operand }: Test, domain: FieldDomain): boolean {
  const value = operand.kind === 'value' ? operand.value : null;
  switch (operator) {
    case '>=':
    case '>':
    case '<=':
    case '<':
      return typeof value === 'number' ? numberFits(operator, value, domain) : admitsType(domain, 'string');
    case 'contains':
    case 'not_contains':
      return admitsType(domain, 'array') || (typeof value === 'string' && admitsType(domain, 'string'));
    case 'starts_with':
    case 'ends_with':
    case 'matches':
      return admitsType(domain, 'string');
    case 'domain_in':
      return admitsType(domain, 'string') || admitsType(domain, 'array');
    case 'in':
    case 'any_in':
    case 'all_in':
      if (operator !== 'in' && admitsType(domain, 'array')) return true;
      if (operand.kind === 'values') return operand.values.some((each) => each !== null && admitsScalar(domain, each));
      return (['string', 'number', 'boolean'] as const).some((type) => admitsType(domain, type));
    default:
      return true;
  }
}

function numberFits(operator: string, value: number, domain: FieldDomain): boolean {
  if (!admitsType(domain, 'number')) return false;
  const { minimum = -Infinity, maximum = Infinity } = domain;
  if (operator === '>=') return maximum >= value;
  if (operator === '>') return maximum > value;
  return operator === '<=' ? minimum <= value : minimum < value;
}

/** Whether the two sides can hold values that are compared at all. */
function fieldsFit({ operator }: Test, left: FieldDomain, right: FieldDomain): boolean {
  const both = (type: 'string' | 'number' | 'boolean' | 'array' | 'object') =>
    admitsType(left, type) && admitsType(right, type);
  switch (operator) {
    case '>=':
    case '>':
    case '<=':
    case '<':
      return both('number') || both('string');
    case '==':
      return both('number') || both('string') || both('boolean') || both('array') || both('object');
    case 'in':
    case 'not_in':
    case 'any_in':
    case 'all_in':
    case 'domain_in':
      return admitsType(right, 'array');
    case 'starts_with':
    case 'ends_with':
      return both('string');
    default:
      return true;
  }
}
