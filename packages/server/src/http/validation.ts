import { jsonPointer, type ProblemItem } from '@policy-studio/contract';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { plainSchema } from './schema.js';

/** How a value is judged: a body as it is, defaults filled in; text from the address or a header is turned into numbers and booleans first. */
export type Place = 'body' | 'text';

/** Bodies above this report their first fault only: a hundred thousand wrong values make no better message. */
const fullReportBytes = 64 * 1024;
export const maxErrors = 20;

/** Null when `value` is valid (defaults are then filled in), else what is wrong, in words. `weight` in characters. */
export type Validator = (value: unknown, weight: number) => ProblemItem[] | null;

/** Compiles on first use. */
export function validator(schema: object, place: Place): Validator {
  let quick: ValidateFunction | undefined;
  let full: ValidateFunction | undefined;
  return (value, weight) => {
    quick ??= compile(schema, place, false);
    if (quick(value)) return null;
    if (weight > fullReportBytes) return inWords(quick.errors ?? [], place);
    full ??= compile(schema, place, true);
    full(value);
    return inWords(full.errors ?? quick.errors ?? [], place);
  };
}

function compile(schema: object, place: Place, allErrors: boolean): ValidateFunction {
  const ajv = new Ajv({
    allErrors,
    verbose: true,
    useDefaults: true,
    coerceTypes: place === 'text',
    discriminator: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
    allowUnionTypes: true,
  });
  formats.default(ajv, ['date-time', 'uuid']);
  return ajv.compile(plainSchema(schema));
}

/** The faults a reader can act on, at most 20, each place once. */
function inWords(errors: readonly ErrorObject[], place: Place): ProblemItem[] {
  const items = new Map<string, ProblemItem>();
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  for (const error of errors) {
    const union = unions.find(({ schemaPath }) => error.schemaPath.startsWith(`${schemaPath}/`));
    const item = union ? ofUnion(union, errors, error) : describe(error);
    if (!item) continue;
    const path = place === 'text' ? item.path.slice(1) : item.path;
    if (!items.has(path)) items.set(path, { ...item, path });
    if (items.size >= maxErrors) break;
  }
  return [...items.values()];
}

/** Where several types are possible, say so once; a fault that is not about the type says more and stands alone. */
function ofUnion(union: ErrorObject, errors: readonly ErrorObject[], error: ErrorObject): ProblemItem | null {
  if (error.keyword !== 'type' || error.instancePath !== union.instancePath) return describe(error);
  const branches = errors.filter(({ schemaPath }) => schemaPath.startsWith(`${union.schemaPath}/`));
  if (branches.some(({ keyword, instancePath }) => keyword !== 'type' || instancePath !== union.instancePath))
    return null;
  const types = new Set(branches.map(({ params }) => article(String(params.type))));
  return { path: union.instancePath, message: `must be ${[...types].join(' or ')}` };
}

function describe(error: ErrorObject): ProblemItem | null {
  const { instancePath: path, keyword, params } = error;
  const at = (message: string, property?: unknown): ProblemItem => ({
    path: property === undefined ? path : `${path}${jsonPointer([String(property)])}`,
    message,
  });
  const parent = (error.parentSchema ?? {}) as { properties?: object; description?: string };
  switch (keyword) {
    case 'required':
      return at('is missing', params.missingProperty);
    case 'additionalProperties':
      return at(
        unknownName(String(params.additionalProperty), Object.keys(parent.properties ?? {})),
        params.additionalProperty,
      );
    case 'type':
      return at(`must be ${article(String(params.type))}`);
    case 'enum':
      return at(`must be one of ${(params.allowedValues as unknown[]).map((value) => `\`${value}\``).join(', ')}`);
    case 'const':
      return at(`must be \`${params.allowedValue}\``);
    case 'discriminator': {
      const values = ((error.parentSchema?.oneOf ?? []) as { properties: Record<string, { const: unknown }> }[]).map(
        ({ properties }) => `\`${properties[params.tag as string]?.const}\``,
      );
      return at(`must be one of ${values.join(', ')}`, params.tag);
    }
    case 'minimum':
      return at(`must be ${params.limit} or more`);
    case 'maximum':
      return at(`must be ${params.limit} or less`);
    case 'minLength':
      return at(params.limit === 1 ? 'must not be empty' : `must have at least ${params.limit} characters`);
    case 'maxLength':
      return at(`must have at most ${params.limit} characters`);
    case 'minItems':
      return at(`must have at least ${params.limit} ${params.limit === 1 ? 'entry' : 'entries'}`);
    case 'maxItems':
      return at(`must have at most ${params.limit} entries`);
    case 'minProperties':
      return at('must say at least one thing');
    case 'pattern':
      return at(parent.description ? `must be ${parent.description}` : `must match \`${params.pattern}\``);
    case 'format':
      return at(
        params.format === 'date-time' ? 'must be a time such as `2026-01-31T12:00:00Z`' : `must be a ${params.format}`,
      );
    case 'anyOf':
    case 'oneOf':
    case 'if':
      return null;
    default:
      return at(error.message ?? 'is not valid');
  }
}

function article(type: string): string {
  if (type === 'null') return 'null';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** `is unknown here; did you mean ...?` */
export function unknownName(name: string, known: readonly string[]): string {
  const near = known.find((candidate) => isNear(name, candidate));
  if (near) return `is not known here; did you mean \`${near}\`?`;
  if (known.length === 0) return 'is not known here; nothing is expected';
  return `is not known here; known are ${known.map((candidate) => `\`${candidate}\``).join(', ')}`;
}

/** One letter added, missing, wrong, or two swapped; or the same but for case and separators. */
function isNear(a: string, b: string): boolean {
  const bare = (text: string): string => text.toLowerCase().replaceAll(/[_-]/g, '');
  const [left, right] = [bare(a), bare(b)];
  if (left === right) return true;
  if (Math.abs(left.length - right.length) > 1 || right.length < 4) return false;
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  const [restA, restB] = [left.slice(start), right.slice(start)];
  return (
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    restA.slice(1) === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  );
}
