import { type Diagnostic, hint, type Path, quoted } from '../diagnostic.js';
import type { JsonSchema } from './catalog.js';
import { createPatternReader, type PatternBudget, type PatternReader } from './read-pattern.js';
import type { ArrayKeywords, NumberKeywords, ObjectKeywords, SchemaNode, SchemaType, TextKeywords } from './schema.js';
import { schemaLimits, schemaTypes } from './schema.js';

type Written = Readonly<Record<string, unknown>>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<SchemaNode>;

interface Reading {
  readonly root: JsonSchema;
  /** By the JSON of their place. */
  readonly nodes: Map<string, Draft>;
  readonly refs: { readonly node: Draft; readonly pointer: string; readonly place: Path }[];
  readonly diagnostics: Diagnostic[];
  readonly patterns: PatternReader;
}

/** Keywords whose meaning would be lost by leaving them out, and what to do instead. */
const unsupported: Readonly<Record<string, string>> = {
  $dynamicRef: 'use `$ref` to a place in this schema',
  $recursiveRef: 'use `$ref` to a place in this schema',
  unevaluatedProperties: 'use `additionalProperties` beside `properties`',
  unevaluatedItems: 'use `items` behind `prefixItems`',
  extends: 'use `allOf`',
  disallow: 'use `not`',
};

/** Every node of the schema, or what is wrong with it. The schema must be JSON of bounded size. */
export function readSchema(
  root: JsonSchema,
  budget: PatternBudget,
): { root: SchemaNode; nodes: readonly SchemaNode[] } | Diagnostic[] {
  const reading: Reading = {
    root,
    nodes: new Map(),
    refs: [],
    diagnostics: [],
    patterns: createPatternReader(budget),
  };
  const node = readNode(reading, root, [], 1);
  for (let ref = reading.refs.pop(); ref !== undefined; ref = reading.refs.pop()) {
    const target = targetOf(reading, ref.pointer, ref.place);
    if (target !== null) ref.node.ref = target;
  }
  if (reading.diagnostics.length > 0) return reading.diagnostics;
  return { root: node, nodes: [...reading.nodes.values()] };
}

function report(reading: Reading, place: Path, message: string, code: Diagnostic['code'] = 'invalid-schema'): void {
  if (reading.diagnostics.length >= schemaLimits.diagnostics) return;
  reading.diagnostics.push({ code, message, rule_id: null, path: place });
}

function readNode(reading: Reading, value: unknown, place: Path, depth: number): SchemaNode {
  const key = JSON.stringify(place);
  const known = reading.nodes.get(key);
  if (known !== undefined) return known;
  const node: Draft = { place, combines: false, written: isObject(value) ? value : {} };
  reading.nodes.set(key, node);
  if (value === true) return node;
  if (value === false) {
    node.never = true;
    return node;
  }
  if (!isObject(value)) {
    report(reading, place, 'a schema must be an object, `true` or `false`');
    return node;
  }
  if (depth > schemaLimits.depth) {
    const message = `schemas nest more than ${schemaLimits.depth} levels deep: flatten them, or use \`$ref\``;
    report(reading, place, message, 'limit-exceeded');
    return node;
  }
  for (const [keyword, advice] of Object.entries(unsupported)) {
    if (Object.hasOwn(value, keyword))
      report(reading, [...place, keyword], `\`${keyword}\` is not supported: ${advice}`);
  }
  if (place.length > 0 && typeof value.$id === 'string' && !value.$id.startsWith('#')) {
    report(reading, [...place, '$id'], '`$id` within a schema would change what `$ref` means: remove it');
  }
  const at = new Keywords(reading, value, place, depth);
  readAssertions(node, at);
  readApplicators(node, at);
  return node;
}

/** The keywords of one schema object, each read with its type checked. Absent or wrong ones are undefined. */
class Keywords {
  constructor(
    readonly reading: Reading,
    readonly written: Written,
    readonly place: Path,
    readonly depth: number,
  ) {}

  get(keyword: string): unknown {
    return Object.hasOwn(this.written, keyword) ? this.written[keyword] : undefined;
  }

  wrong(keyword: string, message: string): undefined {
    report(this.reading, [...this.place, keyword], `\`${keyword}\` ${message}`);
    return undefined;
  }

  number(keyword: string): number | undefined {
    const value = this.get(keyword);
    if (value === undefined || typeof value === 'number') return value;
    return this.wrong(keyword, 'must be a number');
  }

  count(keyword: string): number | undefined {
    const value = this.get(keyword);
    if (value === undefined || (typeof value === 'number' && value >= 0 && Number.isInteger(value))) return value;
    return this.wrong(keyword, 'must be a whole number of 0 or more');
  }

  names(keyword: string, value = this.get(keyword)): readonly string[] | undefined {
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
    return this.wrong(keyword, 'must be an array of names');
  }

  schema(keyword: string): SchemaNode | undefined {
    const value = this.get(keyword);
    return value === undefined ? undefined : this.child(value, keyword);
  }

  schemas(keyword: string): readonly SchemaNode[] | undefined {
    const value = this.get(keyword);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.length === 0) return this.wrong(keyword, 'must be an array of schemas');
    return value.map((each, i) => this.child(each, keyword, i));
  }

  schemaMap(keyword: string): ReadonlyMap<string, SchemaNode> {
    const value = this.get(keyword);
    if (value === undefined) return none;
    if (!isObject(value)) {
      this.wrong(keyword, 'must be an object of schemas');
      return none;
    }
    return new Map(Object.entries(value).map(([name, each]) => [name, this.child(each, keyword, name)]));
  }

  child(value: unknown, ...below: Path): SchemaNode {
    return readNode(this.reading, value, [...this.place, ...below], this.depth + 1);
  }
}

const none: ReadonlyMap<string, SchemaNode> = new Map();

function readAssertions(node: Draft, at: Keywords): void {
  const types = typesOf(at);
  if (types !== undefined) node.types = types;
  const values: (readonly unknown[])[] = [];
  const members = at.get('enum');
  if (Array.isArray(members)) values.push(members);
  else if (members !== undefined) at.wrong('enum', 'must be an array of values');
  if (Object.hasOwn(at.written, 'const') && at.written.const !== undefined) values.push([at.written.const]);
  if (values.length > 0) node.values = values;
  const number = numberKeywords(at);
  if (Object.keys(number).length > 0) node.number = number;
  const text = textKeywords(at);
  if (Object.keys(text).length > 0) node.text = text;
  if (at.get('x-sensitive') === true) node.sensitive = true;
}

function readApplicators(node: Draft, at: Keywords): void {
  const object = objectKeywords(at);
  if (object !== null) node.object = object;
  const array = arrayKeywords(at);
  if (array !== null) node.array = array;
  for (const keyword of ['allOf', 'anyOf', 'oneOf'] as const) {
    const schemas = at.schemas(keyword);
    if (schemas !== undefined) node[keyword] = schemas;
  }
  const not = at.schema('not');
  if (not !== undefined) node.not = not;
  const test = at.schema('if');
  const then = at.schema('then');
  const otherwise = at.schema('else');
  if (test !== undefined && (then ?? otherwise) !== undefined) {
    node.condition = {
      if: test,
      ...(then === undefined ? {} : { then }),
      ...(otherwise === undefined ? {} : { else: otherwise }),
    };
  }
  node.combines = [node.allOf, node.anyOf, node.oneOf, node.not, node.condition].some((each) => each !== undefined);
  // Definitions are read though nothing may refer to them, so that a mistake in one shows.
  at.schemaMap('$defs');
  at.schemaMap('definitions');
  const ref = at.get('$ref');
  if (typeof ref === 'string') at.reading.refs.push({ node, pointer: ref, place: [...at.place, '$ref'] });
  else if (ref !== undefined) at.wrong('$ref', 'must be a string');
}

function typesOf(at: Keywords): readonly SchemaType[] | undefined {
  const written = at.get('type');
  if (written === undefined) return undefined;
  const names = Array.isArray(written) ? written : [written];
  const types: SchemaType[] = [];
  for (const name of names) {
    if (schemaTypes.includes(name as SchemaType)) types.push(name as SchemaType);
    else {
      const what = typeof name === 'string' ? `${quoted(name)} is no type${hint(name, schemaTypes)}` : 'must be a type';
      return at.wrong('type', `${what}; types are ${schemaTypes.map((type) => `\`${type}\``).join(', ')}`);
    }
  }
  return types;
}

function numberKeywords(at: Keywords): NumberKeywords {
  const keywords: Mutable<NumberKeywords> = {};
  for (const [bound, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    const limit = at.number(bound);
    const written = at.get(exclusive);
    // Draft 4 says with a boolean that the bound itself is out.
    if (written === true && limit !== undefined) keywords[exclusive] = limit;
    else if (limit !== undefined) keywords[bound] = limit;
    else if (written === true) at.wrong(exclusive, `needs \`${bound}\` beside it, or a number`);
    if (typeof written === 'boolean') continue;
    const open = at.number(exclusive);
    if (open !== undefined) keywords[exclusive] = open;
  }
  const multipleOf = at.number('multipleOf');
  if (multipleOf !== undefined && multipleOf <= 0) at.wrong('multipleOf', 'must be greater than 0');
  else if (multipleOf !== undefined) keywords.multipleOf = multipleOf;
  return keywords;
}

function textKeywords(at: Keywords): TextKeywords {
  const keywords: Mutable<TextKeywords> = {};
  const minLength = at.count('minLength');
  const maxLength = at.count('maxLength');
  if (minLength !== undefined) keywords.minLength = minLength;
  if (maxLength !== undefined) keywords.maxLength = maxLength;
  const written = at.get('pattern');
  if (written === undefined) return keywords;
  if (typeof written !== 'string') {
    at.wrong('pattern', 'must be a string');
    return keywords;
  }
  const pattern = at.reading.patterns(written);
  if (!('message' in pattern)) keywords.pattern = pattern;
  else report(at.reading, [...at.place, 'pattern'], pattern.message, pattern.code);
  return keywords;
}

const objectKeywordNames = [
  'properties',
  'patternProperties',
  'additionalProperties',
  'propertyNames',
  'required',
  'minProperties',
  'maxProperties',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
];

function objectKeywords(at: Keywords): ObjectKeywords | null {
  if (!objectKeywordNames.some((keyword) => Object.hasOwn(at.written, keyword))) return null;
  const additional = at.schema('additionalProperties');
  const names = at.schema('propertyNames');
  const minProperties = at.count('minProperties');
  const maxProperties = at.count('maxProperties');
  return {
    properties: at.schemaMap('properties'),
    patternProperties: [...at.schemaMap('patternProperties')].flatMap(([source, node]) => {
      const pattern = at.reading.patterns(source);
      if (!('message' in pattern)) return [{ pattern, node }];
      report(at.reading, [...at.place, 'patternProperties', source], pattern.message, pattern.code);
      return [];
    }),
    ...(additional === undefined ? {} : { additional }),
    ...(names === undefined ? {} : { names }),
    required: at.names('required') ?? [],
    ...(minProperties === undefined ? {} : { minProperties }),
    ...(maxProperties === undefined ? {} : { maxProperties }),
    ...dependenciesOf(at),
  };
}

function dependenciesOf(at: Keywords): Pick<ObjectKeywords, 'dependentRequired' | 'dependentSchemas'> {
  const dependentRequired = new Map<string, readonly string[]>();
  const dependentSchemas = new Map(at.schemaMap('dependentSchemas'));
  for (const keyword of ['dependentRequired', 'dependencies']) {
    const written = at.get(keyword);
    if (written === undefined) continue;
    if (!isObject(written)) {
      at.wrong(keyword, 'must be an object');
      continue;
    }
    for (const [name, each] of Object.entries(written)) {
      if (Array.isArray(each) || keyword === 'dependentRequired') {
        const needs = at.names(keyword, each) ?? [];
        dependentRequired.set(name, [...(dependentRequired.get(name) ?? []), ...needs]);
      } else {
        const node = at.child(each, keyword, name);
        const other = dependentSchemas.get(name);
        dependentSchemas.set(
          name,
          other === undefined ? node : { place: node.place, combines: true, written: {}, allOf: [other, node] },
        );
      }
    }
  }
  return { dependentRequired, dependentSchemas };
}

function arrayKeywords(at: Keywords): ArrayKeywords | null {
  const items = at.get('items');
  const isTuple = Array.isArray(items);
  const tuple = at.get('prefixItems');
  if (isTuple && tuple !== undefined) at.wrong('items', 'must be one schema where `prefixItems` is given');
  const prefix = (isTuple ? schemasOrNone(at, 'items') : schemasOrNone(at, 'prefixItems')) ?? [];
  const rest = isTuple ? at.schema('additionalItems') : at.schema('items');
  const minItems = at.count('minItems');
  const maxItems = at.count('maxItems');
  const node = at.schema('contains');
  const minimum = at.count('minContains') ?? 1;
  const maximum = at.count('maxContains') ?? Number.POSITIVE_INFINITY;
  const unique = at.get('uniqueItems');
  if (unique !== undefined && typeof unique !== 'boolean') at.wrong('uniqueItems', 'must be `true` or `false`');
  const keywords = {
    prefix,
    unique: unique === true,
    ...(rest === undefined ? {} : { rest }),
    ...(minItems === undefined ? {} : { minItems }),
    ...(maxItems === undefined ? {} : { maxItems }),
    ...(node === undefined ? {} : { contains: { node, minimum, maximum } }),
  };
  return prefix.length === 0 && !keywords.unique && Object.keys(keywords).length === 2 ? null : keywords;
}

/** Draft 7 allows an empty array of positions. */
function schemasOrNone(at: Keywords, keyword: string): readonly SchemaNode[] | undefined {
  const value = at.get(keyword);
  return Array.isArray(value) && value.length === 0 ? [] : at.schemas(keyword);
}

/** The node that a `$ref` names, read if nothing has read it yet. */
function targetOf(reading: Reading, pointer: string, place: Path): SchemaNode | null {
  const refused = (why: string) => {
    report(reading, place, `${quoted(pointer)} ${why}`);
    return null;
  };
  if (!pointer.startsWith('#')) return refused('leads out of this schema: copy what it names into `$defs`');
  if (pointer !== '#' && !pointer.startsWith('#/')) {
    return refused('names an anchor: write the way to it instead, such as `#/$defs/name`');
  }
  let value: unknown = reading.root;
  const path: (string | number)[] = [];
  for (const written of pointer.split('/').slice(1)) {
    const segment = segmentOf(written);
    const inside = segment === null || typeof value !== 'object' || value === null ? null : value;
    if (segment === null || inside === null || !Object.hasOwn(inside, segment)) {
      return refused('leads to nothing in this schema');
    }
    if (Array.isArray(inside) && !/^(0|[1-9]\d*)$/.test(segment)) return refused('leads to nothing in this schema');
    value = (inside as Written)[segment];
    path.push(Array.isArray(inside) ? Number(segment) : segment);
  }
  return readNode(reading, value, path, 1);
}

/** A segment of a JSON pointer in a URI fragment; null when its escapes are wrong. */
function segmentOf(written: string): string | null {
  try {
    return decodeURIComponent(written).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
