import {
  type BodyOf,
  type HeadersOf,
  type Operation,
  type OperationId,
  operations,
  type ParamsOf,
  type QueryOf,
  type ResponseOf,
  smallBodyBytes,
} from '@policy-studio/contract';
import { jsonFault } from './json-fault.js';
import { ProblemError } from './problem-error.js';

export type Operations = typeof operations;

type Part<T> = [T] extends [undefined] ? unknown : T;
type Flat<T> = T extends unknown ? { [K in keyof T]: T[K] } : never;

/**
 * What a caller gives an operation: the members of its path, query, headers and body in one object. Query and headers
 * may be left out, since the contract has a default for what it needs.
 */
export type InputOf<T extends Operation> = Flat<
  Part<ParamsOf<T>> & Partial<Part<QueryOf<T>>> & Partial<Part<HeadersOf<T>>> & Part<BodyOf<T>>
>;
/** What an operation answers; undefined for those without a body (204). */
export type AnswerOf<T extends Operation> = ResponseOf<T>;

/** An operation's call, ready to be sent. */
export interface Prepared {
  readonly id: string;
  readonly method: string;
  /** Path and query, beginning with `/`. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Seconds the server was asked to hold the answer back. */
  readonly waitSeconds: number;
  readonly repeatable: boolean;
}

const bodyDepth = 256;

/**
 * Distributes a flat input over path, query, headers and body as the operation says. Throws a ProblemError
 * `invalid_input` for what cannot be sent: a path segment that would change the path, a value that JSON cannot carry,
 * a body above the operation's limit.
 */
export function prepare(id: OperationId, input: Readonly<Record<string, unknown>>): Prepared {
  const operation: Operation = operations[id];
  const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
  const take = (name: string): unknown => {
    const value = rest.get(name);
    rest.delete(name);
    return value;
  };
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => segment(id, name, take(name)));
  const query = new URLSearchParams();
  for (const name of memberNames(operation.query)) {
    const value = take(name);
    if (value !== undefined) query.set(name, String(value));
  }
  const headers: Record<string, string> = {};
  for (const name of memberNames(operation.headers)) {
    const value = take(name);
    if (value !== undefined) headers[name] = String(value);
  }
  if (operation.body === undefined && rest.size > 0) {
    throw invalid(`\`${id}\` takes no \`${[...rest.keys()].join('`, `')}\``);
  }
  const search = query.toString();
  return {
    id,
    method: operation.method,
    target: search === '' ? path : `${path}?${search}`,
    headers,
    body: operation.body === undefined ? null : serialise(operation, Object.fromEntries(rest)),
    waitSeconds: Number(query.get('wait') ?? 0) || 0,
    repeatable: operation.method === 'GET' || (id === 'evaluate' && typeof rest.get('request_id') === 'string'),
  };
}

function segment(id: string, name: string, value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') throw invalid(`\`${id}\` needs a \`${name}\``);
  const text = String(value);
  // A dot segment survives percent-encoding and would be resolved away by the URL parser.
  if (text === '' || text === '.' || text === '..') throw invalid(`\`${name}\` cannot be \`${text}\``);
  return encodeURIComponent(text);
}

function serialise(operation: Operation, body: Record<string, unknown>): string {
  const fault = jsonFault(body, bodyDepth);
  if (fault !== null) {
    throw new ProblemError({
      code: 'invalid_input',
      detail: `\`${fault.path}\` ${fault.message}`,
      errors: [{ path: fault.path, message: fault.message }],
    });
  }
  const text = JSON.stringify(body);
  const limit = operation.bodyLimit ?? smallBodyBytes;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > limit) {
    throw invalid(`the body of \`${operation.id}\` has ${bytes} bytes, more than the ${limit} the server takes`);
  }
  return text;
}

/** The member names of an object schema; none for an operation that lacks the part. */
export function memberNames(schema: object | undefined): string[] {
  const properties: unknown = schema === undefined ? undefined : Reflect.get(schema, 'properties');
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
}

export function invalid(detail: string): ProblemError {
  return new ProblemError({ code: 'invalid_input', detail });
}
