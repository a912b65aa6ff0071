import type { Static, TSchema } from 'typebox';
import type { ProblemCode } from './problem.js';
import type { Access } from './roles.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** 1 MiB: what a single small request may weigh. */
export const smallBodyBytes = 1024 * 1024;
/** 16 MiB: bundles, batches. */
export const largeBodyBytes = 16 * 1024 * 1024;

/**
 * One HTTP operation: everything that server, client and documentation need to agree on.
 * Validation, types, the role matrix and OpenAPI all come from here.
 */
export interface Operation {
  readonly id: string;
  readonly method: Method;
  /** With `{name}` for parameters, as in OpenAPI. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  /** Nothing in the body has to be said, so that it may be left out; it is then `{}`. */
  readonly bodyOptional?: true;
  readonly bodyLimit?: number;
  readonly status: number;
  /** Absent: no body (204). */
  readonly response?: TSchema;
  /** The other success: the work takes long, and the answer tells where its result will be. */
  readonly deferred?: { readonly status: 202; readonly response: TSchema };
  /** What an event of the stream holds: who accepts `text/event-stream` gets one, who asks for JSON gets `response`. */
  readonly stream?: TSchema;
  readonly problems: readonly ProblemCode[];
}

/** Identity that keeps the literal types of an operation while checking its shape. */
export function defineOperation<const T extends Operation>(operation: T): T {
  return operation;
}

type StaticOf<T> = T extends TSchema ? Static<T> : undefined;
export type ParamsOf<T extends Operation> = StaticOf<T['params']>;
export type QueryOf<T extends Operation> = StaticOf<T['query']>;
export type HeadersOf<T extends Operation> = StaticOf<T['headers']>;
export type BodyOf<T extends Operation> = StaticOf<T['body']>;
/** What an operation answers when it succeeds, now or later. */
export type ResponseOf<T extends Operation> =
  | StaticOf<T['response']>
  | (T['deferred'] extends { readonly response: infer R extends TSchema } ? Static<R> : never);
