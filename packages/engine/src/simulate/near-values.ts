import { patternSamples } from '../analysis/pattern-sample.js';
import { checkOf, outcome, type Resources } from '../check.js';
import type { Scalar, Test } from '../condition.js';
import { hostsOf } from '../host.js';

/** Members of a long list that cases are made around. */
const membersKept = 16;

/** What tests are around, found once for each; a list that many rules name is looked through once. */
export interface NearValues {
  /**
   * Values on and around what the test compares with: the value itself, the nearest on either side, members and what is
   * none, texts that begin, end or hold it; `undefined` stands for missing. Empty only for a test between fields.
   */
  around(test: Test, resources: Resources): readonly unknown[];
  /** Whether the test is met by a value of its field; always so for a test between fields, which one value cannot tell. */
  meets(test: Test, resources: Resources): (value: unknown) => boolean;
}

/** Tests are told apart by identity: each belongs to one policy. */
export function createNearValues(): NearValues {
  const samples = new Map<ReadonlySet<unknown>, readonly Scalar[]>();
  const sampleOf: ListSample = (list, resources) => {
    const { members } = resources.list(list);
    return memoized(samples, members, () => someOf([...members] as Scalar[]));
  };
  const around = new Map<Test, readonly unknown[]>();
  const meets = new Map<Test, (value: unknown) => boolean>();
  return {
    around: (test, resources) => memoized(around, test, () => valuesAround(test, resources, sampleOf)),
    meets: (test, resources) => memoized(meets, test, () => meetsAlone(test, resources)),
  };
}

/** Some members of a named list. */
type ListSample = (list: string, resources: Resources) => readonly Scalar[];

function memoized<K, T>(made: Map<K, T>, key: K, make: () => T): T {
  const known = made.get(key);
  if (known !== undefined) return known;
  const value = make();
  made.set(key, value);
  return value;
}

function valuesAround(test: Test, resources: Resources, sampleOf: ListSample): readonly unknown[] {
  const { operator, operand } = test;
  if (operand.kind === 'field') return [];
  if (operator === 'exists') return ['present', undefined];
  if (operator === 'is_empty') return ['', [], 'present', undefined];
  if (operand.kind === 'value') return aroundValue(operator, operand.value);
  const members = operand.kind === 'list' ? sampleOf(operand.name, resources) : someOf(operand.values);
  if (operator === 'domain_in') return aroundDomains(members.map(String));
  if (operator === 'any_in' || operator === 'all_in') return aroundElements(members);
  return [...members, ...members.slice(0, 1).flatMap(besides), ...members.slice(-1).flatMap(besides), 'no member'];
}

function meetsAlone(test: Test, resources: Resources): (value: unknown) => boolean {
  if (test.operand.kind === 'field') return () => true;
  const check = checkOf(test, { slot: () => 0, hostSlot: () => 1 }, resources);
  const readsHosts = test.operator === 'domain_in';
  return (value) => {
    const present = value === null ? undefined : value;
    return check([present, readsHosts && present !== undefined ? hostsOf(present) : undefined]) === outcome.met;
  };
}

/** Whether a test between two fields is met by their values. */
export function meetsBetween(test: Test, resources: Resources): (left: unknown, right: unknown) => boolean {
  const slots = {
    slot: (field: string) => (field === test.field ? 0 : 1),
    hostSlot: (field: string) => (field === test.field ? 2 : 3),
  };
  const check = checkOf(test, slots, resources);
  return (left, right) => {
    const values = [left ?? undefined, right ?? undefined];
    const hosts = test.operator === 'domain_in' ? values.map((value) => value !== undefined && hostsOf(value)) : [];
    return check([...values, ...hosts]) === outcome.met;
  };
}

/** A value for the right field of a test between fields that has none yet. */
export function usualOther({ operator }: Test): unknown {
  switch (operator) {
    case 'domain_in':
      return ['example.com'];
    case 'in':
    case 'not_in':
    case 'any_in':
    case 'all_in':
      return ['one', 'two'];
    case 'contains':
    case 'not_contains':
    case 'starts_with':
    case 'ends_with':
      return 'text';
    default:
      return 10;
  }
}

/** Values that a test between fields may be met by, or just not, beside the other field's value. */
export function valuesBeside(other: unknown): readonly unknown[] {
  if (Array.isArray(other)) {
    const members: readonly unknown[] = other.slice(0, 3);
    return [...members, ...members.map((member) => `https://${String(member)}/`), other, 'no member'];
  }
  // A copy: the left field may stand inside the right one.
  if (typeof other === 'object') return [structuredClone(other), undefined];
  return [other, [other], ...besides(other as Scalar), undefined];
}

function aroundValue(operator: Test['operator'], value: Scalar): readonly unknown[] {
  const text = String(value);
  switch (operator) {
    case '>=':
    case '<=':
    case '>':
    case '<':
      return [value, ...(typeof value === 'string' ? besidesText(value) : besides(value))];
    case 'contains':
    case 'not_contains':
      return typeof value === 'string'
        ? [value, `before ${text} after`, 'another text', [value], ['another']]
        : [[value], [value, 'another'], ['another'], []];
    case 'starts_with':
      return [value, `${text} and more`, `not ${text}`];
    case 'ends_with':
      return [value, `more and ${text}`, `${text}, not`];
    case 'matches':
      return [...patternSamples(text), 'no such text'];
    default:
      return value === null ? [undefined, 'present'] : [value, ...besides(value)];
  }
}

/** All of a short list; of a long one every so-manieth. */
function someOf<T>(members: readonly T[]): readonly T[] {
  if (members.length <= membersKept) return members;
  return Array.from({ length: membersKept }, (_, i) => {
    return members[((i * members.length) / membersKept) | 0] as T;
  });
}

/** The nearest values that are another. */
function besides(value: Scalar): readonly unknown[] {
  switch (typeof value) {
    case 'number':
      return besidesNumber(value);
    case 'string':
      return [`${value}-other`];
    case 'boolean':
      return [!value];
    default:
      return ['present'];
  }
}

/** One step of the last decimal that is written: 84 and 86 of 85, 0.84 and 0.86 of 0.85. */
export function besidesNumber(value: number): number[] {
  const decimals = /^-?\d+(?:\.(\d+))?$/.exec(String(value));
  const digits = decimals?.[1]?.length ?? 0;
  const step = 1 / 10 ** digits;
  // Where steps vanish beside the value, or it is written with an exponent, halves and doubles are near enough.
  if (decimals === null || digits > 15 || value + step === value) return [value / 2, value * 2].filter(Number.isFinite);
  return [Number((value - step).toFixed(digits)), Number((value + step).toFixed(digits))];
}

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

function besidesText(text: string): string[] {
  const ms = instant.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return [ms - 1, ms + 1].map((each) => new Date(each).toISOString());
  return [`${text}0`, [...text].slice(0, -1).join('')];
}

function aroundElements(members: readonly Scalar[]): readonly unknown[] {
  const [first] = members;
  if (first === undefined) return [[], ['no member']];
  const singles = members.flatMap((member) => [[member], member]);
  return [...singles, members.slice(0, 3), [first, 'no member'], ['no member'], []];
}

function aroundDomains(domains: readonly string[]): readonly unknown[] {
  const [first = 'example.com'] = domains;
  return [
    ...domains.flatMap((domain) => [`https://${domain}/`, `someone@${domain}`]),
    `https://sub.${first}/path`,
    `https://${first}.example.net/`,
    `someone@other-${first}`,
    [`https://${first}/`],
    'https://example.org/',
  ];
}
