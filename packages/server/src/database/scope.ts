import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';

/**
 * For whom queries are made: a workspace, everybody (`*`, the work of the server itself), or nobody, which is what code
 * has that did not say. Row-level security compares it with every row: see the migration `row_security` and ADR 0013.
 */
type Scope = number | '*' | '';

const everybody = '*';
const nobody = '';

const scopes = new AsyncLocalStorage<Scope>();

/** Runs `work`, whose queries see and write rows of this workspace alone, whatever their own filters say. */
export function inWorkspace<T>(workspaceId: number, work: () => T): T {
  if (!Number.isSafeInteger(workspaceId)) throw new Error('a workspace is named by its id here');
  return scopes.run(workspaceId, work);
}

/**
 * Runs `work`, whose queries see every workspace: for what has no workspace yet (whose key is this?) and for the jobs
 * of the server. Keep it as short as can be; never around what a caller sent.
 */
export function asSystem<T>(work: () => T): T {
  return scopes.run(everybody, work);
}

/** `call` as it would be called here and now: for those who are called back by a thread, a socket or a timer of others. */
export function inThisScope<Args extends readonly unknown[], Result>(
  call: (...args: Args) => Result,
): (...args: Args) => Result {
  const scope = scopes.getStore();
  return scope === undefined ? call : (...args) => scopes.run(scope, call, ...args);
}

type Connected = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/** How long a connection may take to be told for whom it is from now on. */
const tellMs = 5_000;

/**
 * A pool whose connections know for whom each query is made. A connection is told when that differs from what it was
 * told last, which costs one round trip; so one that serves a single workspace is told once in its life.
 *
 * What counts is where `connect` or `query` is called, not where the connection comes free.
 */
export class ScopedPool extends pg.Pool {
  readonly #unsaid: Scope;
  readonly #told = new WeakMap<pg.PoolClient, Scope>();

  /** `unsaid: '*'` is for tests, which look at everything; the server's own pools leave it out. */
  constructor(config: pg.PoolConfig, unsaid: Scope = nobody) {
    super(config);
    this.#unsaid = unsaid;
    // A connection in use has no listener while it waits for its user's next statement; that statement fails anyway.
    this.on('connect', (client) => client.on('error', () => undefined));
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
    const scope = scopes.getStore() ?? this.#unsaid;
    if (callback === undefined) return super.connect().then((client) => this.#tell(client, scope));
    super.connect((error, client, done) => {
      if (error !== undefined || client === undefined || this.#told.get(client) === scope) {
        callback(error, client, done);
        return;
      }
      this.#tell(client, scope).then(
        () => callback(undefined, client, done),
        (failure: Error) => callback(failure, undefined, () => undefined),
      );
    });
    return undefined;
  }

  /** One that cannot be told is closed: nobody must get it as it is. */
  async #tell(client: pg.PoolClient, scope: Scope): Promise<pg.PoolClient> {
    if (this.#told.get(client) === scope) return client;
    this.#told.delete(client);
    try {
      const telling = { text: tellText, values: [String(scope)], query_timeout: tellMs };
      await client.query(telling);
    } catch (error) {
      client.release(error instanceof Error ? error : true);
      throw error;
    }
    this.#told.set(client, scope);
    return client;
  }
}

/** The same pool for what works for everybody by its nature, such as finding out whose key this is. */
export function forEverybody(pool: pg.Pool): pg.Pool {
  return new Proxy(pool, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => asSystem(() => member.apply(target, args) as unknown);
    },
  });
}

const scopeSetting = 'policy_studio.workspace';
const tellText = `select set_config('${scopeSetting}', $1, false)`;

/** For a connection of its own that works for everybody, such as the one that migrates. */
export async function tellEverybody(client: pg.ClientBase): Promise<void> {
  await client.query(tellText, [everybody]);
}
