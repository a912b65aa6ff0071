import type { Scalar } from '../condition.js';
import { type FactDefinition, facts } from '../facts.js';

export type JsonType = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';

/** What a field may hold when it is present; what is left out is not restricted. */
export interface FieldDomain {
  readonly types?: readonly JsonType[];
  /** Never missing. */
  readonly required?: boolean;
  /** The only scalars it may hold; arrays and objects are then out. */
  readonly values?: readonly Scalar[];
  /** Bounds of its numbers, both included. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** Whether it may hold the string, and some that it probably may. */
  admitsText?(text: string): boolean;
  readonly samples?: readonly string[];
  /** Whether its arrays and objects are empty, where that is certain. */
  readonly emptyArrays?: 'never' | 'always';
  readonly emptyObjects?: 'never' | 'always';
  /** What the elements of its arrays may be. */
  readonly items?: FieldDomain;
}

/** What the contexts of one pair of agent and action may hold: what an enforced schema lets through. */
export interface ContextTyping {
  /** By field path. */
  readonly fields: Readonly<Record<string, FieldDomain>>;
  /** What a field that `fields` does not name may hold; types `[]` say that it is always missing. Left out: anything. */
  other?(field: string): FieldDomain;
  /** About how many clause visits `admits` is worth; a few dozen times as much is charged where a context is refused. */
  readonly effort?: number;
  /**
   * Whether the context is let through, where `fields` alone does not say so. A witness it refuses is not used; answers
   * that would need one are undecided (`schema`).
   */
  admits?(context: Readonly<Record<string, unknown>>): boolean;
  /** The context with what it takes to be let through, the fields that are looked at left as they are; null: not found. */
  complete?(
    context: Readonly<Record<string, unknown>>,
    looked: readonly string[],
  ): Readonly<Record<string, unknown>> | null;
}

/** `now` is written in one form, which compares like the time it names. */
export const nowField = 'now';
export const weekdayField = 'day_of_week';
export const weekendField = 'is_weekend';

const factDomains: ReadonlyMap<string, FieldDomain> = new Map(facts.map((fact) => [fact.name, factDomain(fact)]));

/** What the field may hold: a fact's definition goes before the typing. */
export function domainOf(field: string, typing: ContextTyping | undefined): FieldDomain {
  const fact = factDomains.get(field);
  if (fact !== undefined) return fact;
  if (typing !== undefined && Object.hasOwn(typing.fields, field)) return typing.fields[field] as FieldDomain;
  return typing?.other?.(field) ?? {};
}

/** Whether the field is below one that is never an object, and so always missing. */
export function isBelowScalar(field: string, typing: ContextTyping | undefined): boolean {
  for (let dot = field.indexOf('.'); dot !== -1; dot = field.indexOf('.', dot + 1)) {
    if (!admitsType(domainOf(field.slice(0, dot), typing), 'object')) return true;
  }
  return false;
}

export function admitsType(domain: FieldDomain, type: 'string' | 'number' | 'boolean' | 'array' | 'object'): boolean {
  const { types, values } = domain;
  if (values !== undefined && (type === 'array' || type === 'object')) return false;
  if (types === undefined) return true;
  return types.includes(type) || (type === 'number' && types.includes('integer'));
}

/** Whether the domain lets the scalar through. */
export function admitsScalar(domain: FieldDomain, value: string | number | boolean): boolean {
  const { types, values, minimum, maximum } = domain;
  if (values !== undefined && !values.includes(value)) return false;
  if (typeof value === 'string' && domain.admitsText?.(value) === false) return false;
  if (typeof value !== 'number') return admitsType(domain, typeof value as 'string' | 'boolean');
  if (value < (minimum ?? -Infinity) || value > (maximum ?? Infinity)) return false;
  return types === undefined || types.includes('number') || (types.includes('integer') && Number.isInteger(value));
}

/** A plain value of the domain, where its traits are all that counts. */
export function someValue({ values, types, minimum = 0, maximum, samples }: FieldDomain): unknown {
  const value: Scalar | undefined = values?.find((each) => each !== null);
  if (value !== undefined) return value;
  switch (types?.[0]) {
    case 'number':
    case 'integer':
      return Math.ceil(Math.min(minimum, maximum ?? minimum));
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return samples?.[0] ?? 'x';
  }
}

/** Numbers of a domain are all integers. */
export function isIntegerOnly({ types }: FieldDomain): boolean {
  return types?.includes('integer') === true && !types.includes('number');
}

function factDomain({ type, domain, unknown }: FactDefinition): FieldDomain {
  const { values, minimum, maximum } = domain;
  return {
    types: [type],
    required: unknown === 'never unknown',
    ...(values === undefined ? {} : { values }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  };
}

const firstInstant = Date.parse('0000-01-01T00:00:00.000Z');
const lastInstant = Date.parse('9999-12-31T23:59:59.999Z');
const instant = (ms: number): string => new Date(ms).toISOString();

/**
 * The instants that tell the texts apart by order and by beginning: around each text, around the end of what begins
 * with it, the first and the last there are.
 */
export function instantsAround(texts: readonly string[]): string[] {
  const found = new Set([Date.parse('2026-01-01T00:00:00.000Z'), firstInstant, lastInstant]);
  for (const text of texts) {
    for (const bound of [text, `${text}\uffff`]) {
      const first = firstInstantFrom(bound);
      for (const ms of [first - 1, first, first + 1]) if (ms >= firstInstant && ms <= lastInstant) found.add(ms);
    }
  }
  return [...found].map(instant);
}

/** The first instant whose text does not come before the bound. Its texts are ASCII, so units order them. */
function firstInstantFrom(bound: string): number {
  let low = firstInstant;
  let high = lastInstant + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (instant(middle) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
