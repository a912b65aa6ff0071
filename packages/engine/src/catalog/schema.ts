import type { RE2JS } from 're2js';
import { type Diagnostic, type Path, quoted } from '../diagnostic.js';
import { isFact } from '../facts.js';
import type { JsonSchema } from './catalog.js';
import { jsonProblem } from './document-size.js';
import { inPlaceProblem } from './in-place.js';
import type { PatternBudget } from './read-pattern.js';
import { readSchema } from './read-schema.js';

export const schemaTypes = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object'] as const;
export type SchemaType = (typeof schemaTypes)[number];

/** A pattern that is matched in linear time; `size` is what one character costs. */
export interface SchemaPattern {
  readonly source: string;
  readonly size: number;
  readonly matcher: RE2JS;
}

/** One schema with its keywords read; absent ones do not restrict. Nodes may lead back to themselves through `$ref`. */
export interface SchemaNode {
  /** Where it is written, from the root schema. */
  readonly place: Path;
  /** The schema `false`: nothing is let through. */
  readonly never?: true;
  readonly types?: readonly SchemaType[];
  /** `enum`, and `const` as a list of one; all of them must hold the value. */
  readonly values?: readonly (readonly unknown[])[];
  readonly number?: NumberKeywords;
  readonly text?: TextKeywords;
  readonly object?: ObjectKeywords;
  readonly array?: ArrayKeywords;
  readonly ref?: SchemaNode;
  readonly allOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly not?: SchemaNode;
  readonly condition?: { readonly if: SchemaNode; readonly then?: SchemaNode; readonly else?: SchemaNode };
  /** Whether there is any of `allOf`, `anyOf`, `oneOf`, `not` and `condition`. */
  readonly combines: boolean;
  /** `x-sensitive: true`: values are kept out of records. */
  readonly sensitive?: true;
  /** The keywords as written, for annotations such as `default`, `examples`, `format`, `title`. */
  readonly written: Readonly<Record<string, unknown>>;
}

export interface NumberKeywords {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
}

export interface TextKeywords {
  /** Code points. */
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: SchemaPattern;
}

export interface ObjectKeywords {
  readonly properties: ReadonlyMap<string, SchemaNode>;
  readonly patternProperties: readonly { readonly pattern: SchemaPattern; readonly node: SchemaNode }[];
  readonly additional?: SchemaNode;
  readonly names?: SchemaNode;
  readonly required: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly dependentRequired: ReadonlyMap<string, readonly string[]>;
  readonly dependentSchemas: ReadonlyMap<string, SchemaNode>;
}

export interface ArrayKeywords {
  /** By position. */
  readonly prefix: readonly SchemaNode[];
  /** Every element behind those. */
  readonly rest?: SchemaNode;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly unique: boolean;
  readonly contains?: { readonly node: SchemaNode; readonly minimum: number; readonly maximum: number };
}

/** A JSON Schema that has been checked and read. Made by `parseContextSchema` alone; immutable. */
export interface ContextSchema {
  readonly source: JsonSchema;
  readonly root: SchemaNode;
  /** Of its compiled patterns. */
  readonly instructions: number;
}

/** Bounds of a context schema. */
export const schemaLimits = {
  /** UTF-8 bytes as JSON */
  bytes: 65_536,
  /** schemas within schemas, the root being the first */
  depth: 16,
  /** levels of objects and arrays, those of `enum`, `default` and the like included */
  jsonDepth: 64,
  /** schemas that apply to one value through `$ref`, `allOf` and the like, one through the other */
  inPlaceDepth: 64,
  /** UTF-16 units of a pattern */
  patternChars: 1024,
  /** instructions of one compiled pattern */
  patternInstructions: 5_000,
  /** instructions of all patterns of a schema together */
  instructions: 20_000,
  /** problems reported at once */
  diagnostics: 100,
} as const;

/**
 * The schema, ready for `validateContext` and `typingOf`, or everything that is wrong with it (at most 100 findings;
 * paths begin at the schema). Draft 7 and 2020-12 as people mix them: `docs/catalog.md` names each keyword. Keywords it
 * does not know are annotations; those whose meaning it cannot keep (a `$ref` elsewhere, `unevaluatedProperties`, a
 * pattern that RE2 cannot match) are refused rather than ignored. Never throws, whatever it is given.
 */
export function parseContextSchema(schema: unknown): ContextSchema | Diagnostic[] {
  return parseWithin(schema, { instructions: schemaLimits.instructions });
}

/** As `parseContextSchema`, for one of several schemas whose patterns share a budget. */
export function parseWithin(schema: unknown, budget: PatternBudget): ContextSchema | Diagnostic[] {
  const unreadable = jsonProblem(schema, schemaLimits.bytes, schemaLimits.jsonDepth, 'schema');
  if (unreadable !== null) return [unreadable];
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    return [{ code: 'invalid-schema', message: 'a context schema must be an object', rule_id: null, path: [] }];
  }
  const before = budget.instructions;
  const read = readSchema(schema as JsonSchema, budget);
  if (Array.isArray(read)) return read;
  const circular = inPlaceProblem(read.nodes);
  if (circular !== null) return [circular];
  const fact = requiredFact(read.root);
  if (fact !== null) return [fact];
  return { source: schema as JsonSchema, root: read.root, instructions: before - budget.instructions };
}

/** Facts are set by the server and left out of what a schema checks, so one that is asked for would never be there. */
function requiredFact({ object }: SchemaNode): Diagnostic | null {
  const index = object?.required.findIndex(isFact) ?? -1;
  if (index === -1) return null;
  const message = `${quoted(object?.required[index] ?? '')} is a fact, which only the server sets: do not require it`;
  return { code: 'invalid-schema', message, rule_id: null, path: ['required', index] };
}
