import type { FieldDomain, JsonType } from '../analysis/domain.js';
import { nextUp } from '../analysis/number-cells.js';
import { patternSamples } from '../analysis/pattern-sample.js';
import { characterCount } from '../character-count.js';
import type { Scalar } from '../condition.js';
import type { ArrayKeywords, ObjectKeywords, SchemaNode, SchemaType, TextKeywords } from './schema.js';

/**
 * At least what may stand at one place, in the traits that the analysis looks at: what a shape excludes never occurs,
 * what it lets in may.
 */
export interface Shape {
  /** Bits of `shapeKinds`. */
  readonly kinds: number;
  /** The only scalars, where they are restricted. */
  readonly values: readonly Scalar[] | null;
  /** Bounds of the numbers, both included. */
  readonly minimum: number;
  readonly maximum: number;
  /** What every string keeps to. */
  readonly texts: readonly TextKeywords[];
}

/** `fraction` stands for the numbers that are no integers, `array` and `object` for those that are not empty. */
export const shapeKinds = {
  null: 1,
  boolean: 2,
  integer: 4,
  fraction: 8,
  string: 16,
  emptyArray: 32,
  array: 64,
  emptyObject: 128,
  object: 256,
} as const;
const numbers = shapeKinds.integer | shapeKinds.fraction;
export const arrays = shapeKinds.emptyArray | shapeKinds.array;
export const objects = shapeKinds.emptyObject | shapeKinds.object;
const structured = arrays | objects;
const everyKind = 511;
const scalars = everyKind & ~structured;

const typeBits: Readonly<Record<SchemaType, number>> = {
  ...shapeKinds,
  number: numbers,
  array: arrays,
  object: objects,
};

export const anyShape: Shape = {
  kinds: everyKind,
  values: null,
  minimum: Number.NEGATIVE_INFINITY,
  maximum: Number.POSITIVE_INFINITY,
  texts: [],
};

/** Where a field has this shape it is always missing. */
export const noShape: Shape = { ...anyShape, kinds: 0 };

/** What the schema says by itself, the schemas within it left out. */
export function ownShape({ never, types, values, number = {}, text, array, object }: SchemaNode): Shape {
  if (never) return noShape;
  let kinds = types === undefined ? everyKind : types.reduce((bits, type) => bits | typeBits[type], 0);
  if (array !== undefined) kinds &= ~excludedArrays(array);
  if (object !== undefined) kinds &= ~excludedObjects(object);
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = number;
  let shape: Shape = {
    kinds,
    values: null,
    minimum: Math.max(minimum ?? -Infinity, exclusiveMinimum === undefined ? -Infinity : nextUp(exclusiveMinimum)),
    maximum: Math.min(maximum ?? Infinity, exclusiveMaximum === undefined ? Infinity : -nextUp(-exclusiveMaximum)),
    texts: text === undefined ? [] : [text],
  };
  for (const list of values ?? []) shape = meetOf(shape, listShape(list));
  return tidied(shape);
}

function excludedArrays({ prefix, rest, minItems = 0, maxItems, contains }: ArrayKeywords): number {
  const first = prefix[0] ?? rest;
  const mustHold = minItems > 0 || (contains !== undefined && contains.minimum > 0);
  const cannotHold = maxItems === 0 || first?.never === true;
  return (mustHold ? shapeKinds.emptyArray : 0) | (cannotHold ? shapeKinds.array : 0);
}

function excludedObjects(keywords: ObjectKeywords): number {
  const { required, minProperties = 0, maxProperties, properties, patternProperties, additional, names } = keywords;
  const mustHold = required.length > 0 || minProperties > 0;
  const isClosed = additional?.never === true && properties.size === 0 && patternProperties.length === 0;
  const cannotHold = maxProperties === 0 || names?.never === true || isClosed;
  return (mustHold ? shapeKinds.emptyObject : 0) | (cannotHold ? shapeKinds.object : 0);
}

function listShape(list: readonly unknown[]): Shape {
  const values: Scalar[] = [];
  let kinds = 0;
  for (const value of list) {
    if (typeof value === 'object' && value !== null) kinds |= structuredKind(value);
    // `-0` and 0 are one number everywhere.
    else values.push(typeof value === 'number' ? value + 0 : (value as Scalar));
  }
  return { ...anyShape, kinds: kinds | scalars, values };
}

function structuredKind(value: object): number {
  if (Array.isArray(value)) return value.length === 0 ? shapeKinds.emptyArray : shapeKinds.array;
  return Object.keys(value).length === 0 ? shapeKinds.emptyObject : shapeKinds.object;
}

/** What both let in. */
export function meetOf(a: Shape, b: Shape): Shape {
  const values = a.values === null ? b.values : b.values === null ? a.values : common(a.values, b.values);
  return tidied({
    kinds: a.kinds & b.kinds,
    values,
    minimum: Math.max(a.minimum, b.minimum),
    maximum: Math.min(a.maximum, b.maximum),
    texts: [...new Set([...a.texts, ...b.texts])],
  });
}

/** What either lets in, or more. */
export function joinOf(a: Shape, b: Shape): Shape {
  if (a.kinds === 0) return b;
  if (b.kinds === 0) return a;
  const holdsScalars = (shape: Shape) => (shape.kinds & scalars) !== 0;
  const holdsNumbers = (shape: Shape) => (shape.kinds & numbers) !== 0;
  const holdsTexts = (shape: Shape) => (shape.kinds & shapeKinds.string) !== 0;
  const worded = [a, b].filter(holdsTexts).map(({ texts }) => texts);
  const bounded = [a, b].filter(holdsNumbers);
  const listed = [a, b].filter(holdsScalars);
  const isListed = listed.length > 0 && listed.every(({ values }) => values !== null);
  return {
    kinds: a.kinds | b.kinds,
    values: isListed ? [...new Set(listed.flatMap(({ values }) => values ?? []))] : null,
    minimum: bounded.length === 0 ? -Infinity : Math.min(...bounded.map(({ minimum }) => minimum)),
    maximum: bounded.length === 0 ? Infinity : Math.max(...bounded.map(({ maximum }) => maximum)),
    texts: worded[0]?.filter((each) => worded.every((texts) => texts.includes(each))) ?? [],
  };
}

function common(a: readonly Scalar[], b: readonly Scalar[]): Scalar[] {
  const other = new Set(b);
  return a.filter((value) => other.has(value));
}

/** Without kinds that have no value left, and without values of kinds that are out. */
function tidied({ kinds: given, values: listed, minimum: least, maximum: most, texts }: Shape): Shape {
  let kinds = given;
  let minimum = least;
  let maximum = most;
  if ((kinds & numbers) === shapeKinds.integer) {
    minimum = Math.ceil(minimum);
    maximum = Math.floor(maximum);
  }
  if (minimum > maximum) kinds &= ~numbers;
  if (minimum === maximum && Number.isInteger(minimum)) kinds &= ~shapeKinds.fraction;
  if (listed === null) return { kinds, values: null, minimum, maximum, texts };
  const values = listed.filter((value) => {
    if ((kinds & kindOf(value)) === 0) return false;
    if (typeof value === 'string' && !texts.every((keywords) => textFits(keywords, value))) return false;
    return typeof value !== 'number' || (value >= minimum && value <= maximum);
  });
  kinds &= structured | values.reduce((bits: number, value) => bits | kindOf(value), 0);
  return { kinds, values, minimum, maximum, texts };
}

function kindOf(value: Scalar): number {
  switch (typeof value) {
    case 'string':
      return shapeKinds.string;
    case 'boolean':
      return shapeKinds.boolean;
    case 'number':
      return Number.isInteger(value) ? shapeKinds.integer : shapeKinds.fraction;
    default:
      return shapeKinds.null;
  }
}

/** The shape in the terms of the analysis, where null is missing. */
export function fieldDomain({ kinds, values, minimum, maximum, texts }: Shape, required: boolean): FieldDomain {
  const types: JsonType[] = [];
  if (kinds & shapeKinds.string) types.push('string');
  if (kinds & shapeKinds.fraction) types.push('number');
  else if (kinds & shapeKinds.integer) types.push('integer');
  if (kinds & shapeKinds.boolean) types.push('boolean');
  if (kinds & arrays) types.push('array');
  if (kinds & objects) types.push('object');
  const isListed = values !== null && types.length > 0 && (kinds & structured) === 0;
  const isNumber = (kinds & numbers) !== 0;
  return {
    ...(types.length === 5 && kinds & shapeKinds.fraction ? {} : { types }),
    ...(required && !(kinds & shapeKinds.null) ? { required: true } : {}),
    ...(texts.length > 0 && kinds & shapeKinds.string ? textDomain(texts) : {}),
    ...(isListed ? { values: values.filter((value) => value !== null) } : {}),
    ...emptiness('emptyArrays', kinds & shapeKinds.emptyArray, kinds & shapeKinds.array),
    ...emptiness('emptyObjects', kinds & shapeKinds.emptyObject, kinds & shapeKinds.object),
    ...(isNumber && Number.isFinite(minimum) ? { minimum } : {}),
    ...(isNumber && Number.isFinite(maximum) ? { maximum } : {}),
  };
}

function emptiness(key: 'emptyArrays' | 'emptyObjects', empty: number, filled: number): FieldDomain {
  if ((empty === 0) === (filled === 0)) return {};
  return { [key]: empty === 0 ? 'never' : 'always' };
}

function textDomain(texts: readonly TextKeywords[]): FieldDomain {
  const fits = (text: string) => texts.every((keywords) => textFits(keywords, text));
  return { admitsText: fits, samples: textSamples(texts).filter(fits) };
}

/** Whether the string keeps to the keywords. */
export function textFits(
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern }: TextKeywords,
  text: string,
): boolean {
  const length = characterCount(text);
  return length >= minLength && length <= maxLength && (pattern === undefined || pattern.matcher.test(text));
}

const longestSample = 256;

/** Strings that probably keep to all the keywords. */
export function textSamples(texts: readonly TextKeywords[]): string[] {
  const least = Math.min(longestSample, Math.max(0, ...texts.map(({ minLength = 0 }) => minLength)));
  const matching = texts.flatMap(({ pattern }) => (pattern === undefined ? [] : patternSamples(pattern.source)));
  const longer = matching.map((sample) => sample.padEnd(least, sample.at(-1) ?? 'x'));
  return [...new Set([...matching, ...longer, 'x'.repeat(least || 1), ''])];
}
