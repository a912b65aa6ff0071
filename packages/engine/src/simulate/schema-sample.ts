import { patternSamples } from '../analysis/pattern-sample.js';
import type {
  ArrayKeywords,
  NumberKeywords,
  ObjectKeywords,
  SchemaNode,
  SchemaType,
  TextKeywords,
} from '../catalog/schema.js';
import type { Random } from './random.js';

/** Deeper than this nothing optional is sampled, and only so many values in all: schemas may contain themselves. */
const maxDepth = 6;
const maxSampled = 500;
const maxSampledDepth = 32;
const maxElements = 3;
const absentNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * A value that the schema probably lets through; `undefined` where there is nothing to say. A guess that its caller
 * checks: `not`, `oneOf` and patterns may refuse it.
 */
export function sampleOf(node: SchemaNode, random: Random): unknown {
  return sample(node, { random, left: maxSampled }, 0);
}

interface Sampling {
  readonly random: Random;
  left: number;
}

function sample(node: SchemaNode, sampling: Sampling, depth: number): unknown {
  sampling.left -= 1;
  if (sampling.left < 0 || depth > maxSampledDepth) return undefined;
  const { random } = sampling;
  const values = node.values?.[0];
  if (values !== undefined && values.length > 0) return random.pick(values);
  const { examples } = node.written;
  if (Array.isArray(examples) && examples.length > 0 && random.once(3)) return random.pick(examples);
  const parts = partsOf(node, random);
  const type = typeFor(node, parts, random);
  const own = ofType(type, node, sampling, depth);
  const others = parts.map((part) => sample(part, sampling, depth + 1)).filter((value) => value !== undefined);
  if (others.length === 0) return own;
  const all = own === undefined ? others : [own, ...others];
  // What several schemas ask of one object is joined; of anything else, the last part's say is the narrowest guess.
  return all.every(isObject) ? Object.assign({}, ...all) : all.findLast((value) => value !== undefined);
}

/** The schemas that apply at the same place: all of `allOf`, one of each set of alternatives. */
function partsOf(node: SchemaNode, random: Random): SchemaNode[] {
  const parts = [...(node.allOf ?? [])];
  if (node.ref !== undefined) parts.push(node.ref);
  if (node.anyOf !== undefined && node.anyOf.length > 0) parts.push(random.pick(node.anyOf));
  if (node.oneOf !== undefined && node.oneOf.length > 0) parts.push(random.pick(node.oneOf));
  if (node.condition?.then !== undefined && random.once(2)) parts.push(node.condition.if, node.condition.then);
  return parts;
}

function typeFor(node: SchemaNode, parts: readonly SchemaNode[], random: Random): SchemaType | null {
  if (node.never) return null;
  const types = node.types?.filter((type) => type !== 'null') ?? [];
  if (types.length > 0) return node.types?.includes('null') && random.once(8) ? 'null' : random.pick(types);
  if (node.types?.includes('null')) return 'null';
  if (node.object !== undefined) return 'object';
  if (node.array !== undefined) return 'array';
  if (node.number !== undefined) return 'number';
  if (node.text !== undefined) return 'string';
  // A part will say; a schema that says nothing takes anything.
  return parts.length > 0 ? null : 'string';
}

function ofType(type: SchemaType | null, node: SchemaNode, sampling: Sampling, depth: number): unknown {
  const { random } = sampling;
  switch (type) {
    case null:
      return undefined;
    case 'null':
      return null;
    case 'boolean':
      return random.once(2);
    case 'number':
    case 'integer':
      return sampleNumber(node.number ?? {}, type === 'integer', random);
    case 'string':
      return sampleText(node.text ?? {}, node.written, random);
    case 'array':
      return depth >= maxDepth ? [] : sampleArray(node.array, sampling, depth);
    case 'object':
      return sampleObject(node.object, sampling, depth);
  }
}

function sampleNumber(keywords: NumberKeywords, isInteger: boolean, random: Random): number {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = keywords;
  let low = Math.max(minimum ?? -Infinity, exclusiveMinimum ?? -Infinity);
  let high = Math.min(maximum ?? Infinity, exclusiveMaximum ?? Infinity);
  if (low === -Infinity) low = high === Infinity ? 0 : high - 100;
  if (high === Infinity) high = low + 100;
  if (multipleOf !== undefined) {
    const first = Math.ceil(low / multipleOf);
    const count = Math.min(Math.max(Math.floor(high / multipleOf) - first, 0), 1_000_000);
    return (first + random.below(count + 1)) * multipleOf;
  }
  if (isInteger) {
    const first = Math.ceil(low) + (exclusiveMinimum === Math.ceil(low) ? 1 : 0);
    const last = Math.floor(high) - (exclusiveMaximum === Math.floor(high) ? 1 : 0);
    return first + random.below(Math.min(Math.max(last - first, 0), 1_000_000_000) + 1);
  }
  // The bounds themselves now and then, when they are let in; else a hundredth of the way.
  if (random.once(8) && minimum === low) return low;
  if (random.once(8) && maximum === high) return high;
  return low + (high - low) * (random.between(1, 99) / 100);
}

const words = ['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot'];
const twoDigits = (value: number) => String(value).padStart(2, '0');

function sampleText(keywords: TextKeywords, written: SchemaNode['written'], random: Random): string {
  const text =
    keywords.pattern === undefined ? formatted(written.format, random) : fromPattern(keywords.pattern.source, random);
  const { minLength = 0, maxLength = Infinity } = keywords;
  const letters = [...text];
  if (letters.length > maxLength) return letters.slice(0, maxLength).join('');
  return letters.length < minLength ? text + 'x'.repeat(Math.min(minLength - letters.length, 10_000)) : text;
}

function fromPattern(source: string, random: Random): string {
  const samples = patternSamples(source);
  return samples.length === 0 ? random.pick(words) : random.pick(samples);
}

function formatted(format: unknown, random: Random): string {
  const word = random.pick(words);
  const day = `2026-${twoDigits(random.between(1, 12))}-${twoDigits(random.between(1, 28))}`;
  switch (format) {
    case 'email':
    case 'idn-email':
      return `${word}@example.com`;
    case 'uri':
    case 'iri':
    case 'url':
      return `https://${word}.example.com/`;
    case 'hostname':
      return `${word}.example.com`;
    case 'ipv4':
      return `192.0.2.${random.between(1, 254)}`;
    case 'ipv6':
      return `2001:db8::${random.between(1, 9999)}`;
    case 'uuid':
      return `00000000-0000-4000-8000-${String(random.below(1_000_000)).padStart(12, '0')}`;
    case 'date':
      return day;
    case 'time':
      return `${twoDigits(random.below(24))}:00:00Z`;
    case 'date-time':
      return `${day}T${twoDigits(random.below(24))}:${twoDigits(random.below(60))}:00Z`;
    default:
      return word;
  }
}

function sampleArray(keywords: ArrayKeywords | undefined, sampling: Sampling, depth: number): unknown[] {
  const { random } = sampling;
  if (keywords === undefined) return [random.pick(words)];
  const { prefix, rest, minItems = 0, maxItems = Infinity, unique, contains } = keywords;
  const wanted = Math.min(Math.max(random.below(maxElements + 1), minItems, contains?.minimum ?? 0), maxItems, 64);
  const found: unknown[] = [];
  for (let i = 0; i < wanted; i++) {
    const node = prefix[i] ?? (contains !== undefined && i < contains.minimum ? contains.node : rest);
    const element = node === undefined ? random.pick(words) : sample(node, sampling, depth + 1);
    if (element === undefined) continue;
    if (!unique || !found.includes(element)) found.push(element);
  }
  return found;
}

function sampleObject(
  keywords: ObjectKeywords | undefined,
  sampling: Sampling,
  depth: number,
): Record<string, unknown> {
  const { random } = sampling;
  const found: Record<string, unknown> = {};
  if (keywords === undefined) return found;
  const { properties, required } = keywords;
  for (const [name, node] of properties) {
    const needed = required.includes(name);
    if (absentNames.has(name) || (!needed && (depth >= maxDepth || random.once(8)))) continue;
    const value = sample(node, sampling, depth + 1);
    if (value !== undefined) found[name] = value;
  }
  for (const name of required) {
    if (!Object.hasOwn(found, name) && !absentNames.has(name) && !properties.has(name)) {
      const node =
        keywords.patternProperties.find(({ pattern }) => pattern.matcher.test(name))?.node ?? keywords.additional;
      found[name] = node === undefined ? random.pick(words) : sample(node, sampling, depth + 1);
    }
  }
  return found;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
