import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BodyOf,
  type Operation,
  type OperationId,
  operations,
  type ParamsOf,
  Problem,
  type QueryOf,
  type ResponseOf,
  type Role,
} from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { type AppOptions, buildApp } from './app.js';
import { type Clock, systemClock } from './clock.js';
import { type Database, databaseOver } from './database/connection.js';
import { testDatabase } from './database/database.testkit.js';
import { defaultRequestsPerMinute } from './http/rate-limits.js';
import { validator } from './http/validation.js';
import type { Logger } from './logging.js';
import { type Config, openServices, type Services, type ServicesOptions } from './services.js';

export interface TestServerOptions {
  /** Default: the real time. */
  readonly clock?: Clock;
  readonly config?: Partial<Config>;
  /** A database to share between servers (replicas); its maker closes it. Default: one of its own. */
  readonly db?: Database;
  readonly app?: AppOptions;
  /**
   * The setting `catalog` of the default workspace. Default `open`: tests name agents and actions of their own. `strict`
   * leaves the workspace as a new one is.
   */
  readonly catalog?: 'strict' | 'open';
  readonly accessLimits?: ServicesOptions['accessLimits'];
  readonly recorderLimits?: ServicesOptions['recorderLimits'];
  readonly spoolBytes?: number;
  readonly hmacSecret?: string;
  readonly previousHmacSecret?: string;
  /** Default: silent, but for what is worse than a warning. */
  readonly log?: Logger;
}

export interface CallInput<O extends Operation> {
  readonly params?: ParamsOf<O> extends undefined ? never : ParamsOf<O>;
  readonly query?: Partial<QueryOf<O>>;
  /** Anything, since what is wrong is to be tried as well. Text is sent as it is. */
  readonly body?: BodyOf<O> | unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the admin token. null: none. */
  readonly token?: string | null;
}

export interface CallAnswer<T> {
  readonly status: number;
  /** The operation's response when `status` is one of its successes, else whatever came; see `problem`. */
  readonly body: T;
  /** The body as a problem; throws when it is none. */
  readonly problem: Problem;
  readonly headers: Headers;
}

export interface TestServer {
  readonly url: string;
  readonly adminToken: string;
  readonly db: Database;
  readonly services: Services;
  readonly app: FastifyInstance;
  /**
   * Calls an operation over HTTP and checks the answer against the contract: its response schema, or Problem with a
   * status that fits its code. Throws when the server breaks the contract, never for a refusal.
   */
  call<const I extends OperationId>(
    operation: I,
    input?: CallInput<(typeof operations)[I]>,
  ): Promise<CallAnswer<ResponseOf<(typeof operations)[I]>>>;
  /** A new key of the role; its owner is its name. */
  createKey(role: Role, options?: { name?: string; owner?: string; agents?: string[] }): Promise<string>;
  close(): Promise<void>;
}

const testAdminToken = 'test-admin-token-0123456789';

/** A real server on a loopback port over a real database. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.db ? null : await testDatabase();
  const db = options.db ?? (database as { db: Database }).db;
  const dataDir = options.config?.dataDir ?? (await mkdtemp(join(tmpdir(), 'policy-studio-server-')));
  const log = options.log ?? pino({ level: 'error' });
  // As in production: what does not say for whom it asks gets no answer. Tests themselves look at everything.
  const own = databaseOver(db.connectionConfig, db.kind, log);
  const { services, beginStop, close } = await openServices({
    db: own,
    clock: options.clock ?? systemClock,
    log,
    config: {
      version: '0.0.0-test',
      decisionLog: 'durable',
      fourEyesDefault: false,
      publicUrl: null,
      allowPrivateWebhooks: false,
      metricsToken: null,
      requestsPerMinute: defaultRequestsPerMinute,
      identity: { sessionIdleMs: 8 * 3600_000, sessionMs: 24 * 3600_000, oidc: null, jwt: null },
      ...options.config,
      dataDir,
    },
    adminToken: testAdminToken,
    hmacSecret: options.hmacSecret ?? 'test-hmac-secret-0123456789',
    previousHmacSecret: options.previousHmacSecret ?? null,
    ...(options.accessLimits ? { accessLimits: options.accessLimits } : {}),
    ...(options.recorderLimits ? { recorderLimits: options.recorderLimits } : {}),
    ...(options.spoolBytes === undefined ? {} : { spoolBytes: options.spoolBytes }),
  });
  if (options.catalog !== 'strict') await openCatalog(db);
  const app = await buildApp(services, options.app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the test server has no port');
  const url = `http://127.0.0.1:${address.port}`;

  const call: TestServer['call'] = async (id, input = {}) => {
    const operation: Operation = operations[id];
    const response = await fetch(url + addressOf(operation, input as CallInput<Operation>), {
      method: operation.method,
      headers: headersOf(input as CallInput<Operation>),
      ...(input.body === undefined ? {} : { body: textOf(input.body) }),
    });
    const text = await response.text();
    return checked(operation, response, text) as never;
  };

  let keys = 0;
  return {
    url,
    adminToken: testAdminToken,
    db,
    services: { ...services, db },
    app,
    call,
    async createKey(role, { name, owner, agents } = {}) {
      keys += 1;
      const { body } = await call('createApiKey', {
        body: { name: name ?? `${role}-${keys}`, role, ...(owner ? { owner } : {}), ...(agents ? { agents } : {}) },
      });
      return body.key;
    },
    async close() {
      beginStop();
      await app.close();
      await close();
      await own.close();
      await database?.close();
      if (options.config?.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** What an admin would do with PUT /policy/settings, without an entry in the audit trail that tests count. */
async function openCatalog({ pool }: Database): Promise<void> {
  await pool.query(
    `insert into setting (workspace_id, "values", updated_by, updated_at)
     select id, '{"catalog": "open"}', 'test', now() from workspace where name = 'default'
     on conflict do nothing`,
  );
}

function addressOf(operation: Operation, { params, query }: CallInput<Operation>): string {
  const values = (params ?? {}) as Record<string, unknown>;
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
  const search = new URLSearchParams(
    Object.entries((query ?? {}) as Record<string, unknown>).map(([name, value]) => [name, String(value)]),
  ).toString();
  return search === '' ? path : `${path}?${search}`;
}

function headersOf({ token = testAdminToken, body, headers }: CallInput<Operation>): Record<string, string> {
  return {
    // Where there is a choice: a stream would not end.
    accept: 'application/json',
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

/** Compiled once per schema and process. */
const validators = new Map<object, ReturnType<typeof validator>>();

function violations(schema: object, value: unknown): string | null {
  let check = validators.get(schema);
  if (!check) {
    check = validator(schema, 'body');
    validators.set(schema, check);
  }
  // A copy: the validator fills in defaults, and a test must see what was really sent.
  const errors = check(structuredClone(value), 0);
  return errors?.map(({ path, message }) => `${path} ${message}`).join('; ') ?? null;
}

function checked(operation: Operation, response: Response, text: string): CallAnswer<unknown> {
  const { status, headers } = response;
  const broken = (why: string): Error =>
    new Error(`${operation.id} answered ${status}, breaking the contract: ${why}\n${text.slice(0, 2_000)}`);
  const type = headers.get('content-type') ?? '';
  const answer = (body: unknown): CallAnswer<unknown> => ({
    status,
    body,
    headers,
    get problem(): Problem {
      if (!type.startsWith('application/problem+json')) throw broken('a problem was expected');
      return body as Problem;
    },
  });
  const deferred = operation.deferred?.status === status ? operation.deferred : null;
  if (status === operation.status || deferred) {
    const schema = deferred ? deferred.response : operation.response;
    if (!schema) {
      if (text !== '') throw broken('no body was expected');
      return answer(undefined);
    }
    if (!type.startsWith('application/json')) throw broken(`the content type is ${type}`);
    const body: unknown = JSON.parse(text);
    const wrong = violations(schema, body);
    if (wrong) throw broken(wrong);
    return answer(body);
  }
  if (status === 304) return answer(undefined);
  if (!type.startsWith('application/problem+json')) throw broken(`the content type is ${type}`);
  const body = JSON.parse(text) as Problem;
  const wrong = violations(Problem, body);
  if (wrong) throw broken(wrong);
  if (body.status !== status) throw broken('the status of the problem is another one');
  return answer(body);
}
