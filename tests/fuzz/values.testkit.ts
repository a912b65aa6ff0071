import type { Dice } from '../exchange/mutations.testkit.js';

export type Schema = { readonly [key: string]: unknown };
export type Components = Readonly<Record<string, Schema>>;

export function pick<T>(roll: Dice, from: readonly T[]): T {
  return from[roll(from.length)] as T;
}

/** What belongs to one of the patterns of the document; the first that fits is taken, so the plain ones come first. */
const words = [
  'seeded',
  'a.b',
  '1.0.0',
  '12:30',
  '02-28',
  '2030-01-31T12:00',
  'https://hooks.invalid/x',
  'ab'.repeat(32),
  'A'.repeat(43),
];

/** Text that programs stumble over. */
export const oddTexts: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udc00\ud800',
  '\u202eevil\u202c',
  '\ufeffbom',
  'e\u0301'.repeat(200),
  '😀'.repeat(70),
  'ﬃ'.repeat(100),
  'a\u0300'.repeat(2_000),
  'x'.repeat(9_000),
  'x'.repeat(70_000),
  '__proto__',
  'constructor',
  'toString',
  '*',
  '..',
  '../../../../etc/passwd',
  '%s%s%n',
  '#{7*7}',
  "'; drop table bundle; --",
  '\\u0000',
  '$1',
  '{}',
  '[object Object]',
  'null',
  'NaN',
  '01.0.0',
  '999999999999.0.0',
  '2147483648',
  '-0',
  '1e5',
  '0x10',
  '2026-02-30T25:61:61Z',
  '9999-12-31T23:59:60Z',
  '+275760-09-13T00:00:00.001Z',
  '<script>alert(1)</script>',
  'a\r\nset-cookie: x=1',
  '(x+x+)+y',
  '('.repeat(2_000),
  'Europe/Nowhere',
  'http://127.0.0.1:22/',
  'file:///etc/passwd',
];

const oddNumbers: readonly number[] = [
  0, -0, -1, 1, 1.5, 0.1, 99, 100, 101, 1000, 1001, 2147483647, 2147483648, -2147483649, 4294967296, 9007199254740991,
  9007199254740994, 1e21, 1e308, -1e308, 5e-324, 1e-7,
];

function nest(levels: number, array: boolean): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = array ? [value] : { a: value };
  return value;
}

/** Any JSON value; what it is has nothing to do with what is wanted. */
export function oddValue(roll: Dice): unknown {
  switch (roll(10)) {
    case 0:
    case 1:
    case 2:
      return pick(roll, oddTexts);
    case 3:
    case 4:
      return pick(roll, oddNumbers);
    case 5:
      return pick(roll, [null, true, false]);
    case 6:
      return pick(roll, [[], {}, [[]], [null], [{}], { '': '' }]);
    case 7:
      return nest(pick(roll, [3, 17, 33, 63, 64, 65, 300]), roll(2) === 0);
    case 8:
      return Array.from({ length: pick(roll, [2, 65, 1_001, 20_000]) }, (_, index) => index);
    default:
      return Object.fromEntries(Array.from({ length: pick(roll, [3, 70, 2_000]) }, (_, index) => [`k${index}`, index]));
  }
}

export function oddText(roll: Dice): string {
  return roll(8) === 0 ? String(pick(roll, oddNumbers)) : pick(roll, oddTexts);
}

/** Values by the name of the member, where the schema says less than is meant. */
export interface Known {
  readonly [name: string]: (roll: Dice) => unknown;
}

/** A value that the schema allows, at its limits as often as within. */
export function soundValue(schema: Schema, components: Components, known: Known, roll: Dice, depth = 0): unknown {
  const again = (part: unknown): unknown => soundValue((part ?? {}) as Schema, components, known, roll, depth + 1);
  if (typeof schema.$ref === 'string') return again(components[schema.$ref.split('/').at(-1) as string]);
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return pick(roll, schema.enum);
  for (const key of ['anyOf', 'oneOf'] as const) {
    const branches = schema[key];
    if (Array.isArray(branches)) return again(pick(roll, branches));
  }
  switch (Array.isArray(schema.type) ? pick(roll, schema.type as string[]) : schema.type) {
    case 'string':
      return soundText(schema, roll);
    case 'integer':
    case 'number':
      return soundNumber(schema, roll);
    case 'boolean':
      return roll(2) === 0;
    case 'null':
      return null;
    case 'array': {
      const { minItems = 0, maxItems = 5, items } = schema as { minItems?: number; maxItems?: number; items?: unknown };
      const length = Math.max(minItems, Math.min(maxItems, roll(4)));
      return Array.from({ length }, () => again(items));
    }
    case 'object':
      return soundObject(schema, components, known, roll, depth);
    default:
      return depth > 6 ? 1 : pick(roll, ['free', 3, true, { a: 1 }, ['x']]);
  }
}

function soundObject(schema: Schema, components: Components, known: Known, roll: Dice, depth: number): unknown {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const required = new Set((schema.required ?? []) as string[]);
  const made: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties)) {
    if (!required.has(name) && (depth > 6 || roll(2) === 0)) continue;
    made[name] = known[name]?.(roll) ?? soundValue(property, components, known, roll, depth + 1);
  }
  const least = (schema.minProperties ?? 0) as number;
  for (const [name, property] of Object.entries(properties)) {
    if (Object.keys(made).length >= least) break;
    made[name] ??= known[name]?.(roll) ?? soundValue(property, components, known, roll, depth + 1);
  }
  if (Object.keys(properties).length === 0) {
    for (let index = roll(3); index > 0; index -= 1) made[pick(roll, ['risk_score', 'a', 'b'])] = roll(100);
  }
  return made;
}

function soundText({ format, pattern, minLength = 0, maxLength = 64 }: Schema, roll: Dice): string {
  if (format === 'date-time') return pick(roll, ['2026-01-31T12:00:00Z', '2099-12-31T23:59:59.999Z']);
  if (format === 'uuid') return '0193e5a0-0000-7000-8000-000000000000';
  const [least, most] = [Number(minLength), Number(maxLength)];
  if (typeof pattern === 'string') {
    const fits = new RegExp(pattern, 'u');
    const found = words.find((word) => fits.test(word) && word.length >= least && word.length <= most);
    if (found !== undefined) return found;
  }
  const length = pick(roll, [least, most, Math.min(most, Math.max(least, 8))]);
  return length > 20_000 ? 'long enough' : 'a'.repeat(length);
}

function soundNumber(schema: Schema, roll: Dice): number {
  const { minimum, exclusiveMinimum, maximum, type } = schema as Record<string, number | undefined> & { type?: string };
  const least = minimum ?? (exclusiveMinimum === undefined ? 0 : exclusiveMinimum + 1);
  const most = maximum ?? least + 10;
  const value = pick(roll, [least, most, least + 1, Math.min(most, 2)]);
  return type === 'integer' ? Math.trunc(value) : value;
}
