import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.js';
import { systemClock } from './clock.js';
import { type Database, openDatabase } from './database/connection.js';
import { createFolder } from './database/embedded/layout.js';
import { MigrationError, migrate, pendingMigrations } from './database/migrate.js';
import { DatabaseStartError, errorCode, storageError } from './database/start-error.js';
import { within } from './deadline.js';
import { seedDemo } from './demo/seed.js';
import { type Environment, EnvironmentError, readEnvironment } from './env.js';
import { type ConsoleLink, consoleLink } from './features/access/sign-in.js';
import { type RunningJobs, runJobs } from './jobs/run.js';
import { jobs, rolloutTick } from './jobs/schedule.js';
import { type KeptSecret, keptSecret } from './kept-secret.js';
import { createLogger, type Logger } from './logging.js';
import { type OpenServices, openServices, type Services } from './services.js';

/** How long requests in flight, and then the records waiting to be written, may take when the server stops. */
const drainMs = 10_000;
/** A terminal's Ctrl-C reaches this process twice, from the terminal and from npm; only a later one is meant. */
const sameSignalMs = 1_000;

const demoNotice =
  'A demo to look at is in the workspace `demo`: agents at work, a rollout on its way, approvals that wait. SEED_DEMO=false leaves it out.\n';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

async function main(): Promise<void> {
  const command = process.argv[2];
  if (command !== undefined && command !== 'migrate') {
    throw new EnvironmentError(`\`${command}\` is not a command; give none to serve, or \`migrate\``);
  }
  const environment = readEnvironment(process.env, process.cwd());
  const log = createLogger(environment.logLevel);
  if (command === 'migrate') await runMigrations(environment, log);
  else await serve(environment, log);
}

async function open(environment: Environment, log: Logger): Promise<Database> {
  const { databaseUrl, dataDir } = environment;
  await createFolder(dataDir).catch((error: unknown) => {
    throw storageError(error, dataDir);
  });
  return openDatabase(databaseUrl === null ? { dataDir, log } : { databaseUrl, log });
}

async function runMigrations(environment: Environment, log: Logger): Promise<void> {
  const db = await open(environment, log);
  try {
    const applied = await migrate(db);
    const names = applied.map(({ version: number, name }) => `${number} ${name}`).join(', ');
    process.stderr.write(names === '' ? 'the database is up to date\n' : `applied ${names}\n`);
  } finally {
    await db.close();
  }
}

async function serve(environment: Environment, log: Logger): Promise<void> {
  const stopRequested = stopSignal(log);
  const db = await open(environment, log);
  let opened: OpenServices | undefined;
  let app: FastifyInstance | undefined;
  let running: RunningJobs | undefined;
  let seeding: Promise<void> | undefined;
  let ticking: RunningJobs | undefined;
  try {
    await prepareTables(environment, db);
    const adminToken = await secretOr(environment.adminToken, environment, 'admin-token');
    // Signs exports; kept from the first start, so that what is signed later stays valid.
    const hmacSecret = await secretOr(environment.hmacSecret, environment, 'hmac-secret');
    opened = await openServices({
      db,
      clock: systemClock,
      log,
      config: {
        version,
        dataDir: environment.dataDir,
        decisionLog: environment.decisionLog,
        fourEyesDefault: environment.databaseUrl !== null,
        publicUrl: environment.publicUrl,
        allowPrivateWebhooks: environment.allowPrivateWebhooks,
        metricsToken: environment.metricsToken,
        identity: environment.identity,
        requestsPerMinute: environment.requestsPerMinute,
      },
      adminToken: adminToken.value,
      hmacSecret: hmacSecret.value,
      previousHmacSecret: environment.previousHmacSecret,
    });
    const { services } = opened;
    // Rollouts of the demo's past must not move while it is told; an empty store has no others.
    running = runJobs(environment.seedDemo ? jobs.filter((job) => job !== rolloutTick) : jobs, services);
    app = await buildApp(services, await appOptions(environment));
    await app.listen({ host: environment.host, port: environment.port });
    log.info({ version, host: environment.host, port: portOf(app), database: db.kind }, 'started');
    greet(environment, portOf(app), { kept: adminToken, signIn: await signInLink(services, adminToken) });
    if (environment.seedDemo) {
      seeding = seedDemo(services, adminToken.value)
        .then((made) => {
          if (made) process.stderr.write(demoNotice);
        })
        .catch((error: unknown) => log.warn({ err: error }, 'the demo could not be made'))
        .then(() => {
          if (!services.stopping.aborted) ticking = runJobs([rolloutTick], services);
        });
    }
    const signal = await stopRequested;
    log.info({ signal }, 'stopping');
  } finally {
    opened?.beginStop();
    await seeding;
    await ticking?.stop();
    await stop({ log, db, opened, app, running });
  }
  log.info('stopped');
}

async function prepareTables(environment: Environment, db: Database): Promise<void> {
  if (environment.createTablesOnStartup) {
    await migrate(db);
    return;
  }
  const pending = await pendingMigrations(db);
  if (pending.length > 0) {
    throw new EnvironmentError(
      `the database lacks ${pending.length} of the migrations of this release; run \`npm run migrate\`, or set CREATE_TABLES_ON_STARTUP=true`,
    );
  }
}

async function secretOr(given: string | null, { dataDir }: Environment, name: string): Promise<KeptSecret> {
  return given === null ? keptSecret(dataDir, name) : { value: given, path: '', isNew: false };
}

async function appOptions({ tls, trustedProxy }: Environment): Promise<Parameters<typeof buildApp>[1]> {
  const read = (name: string, path: string): Promise<Buffer> =>
    readFile(path).catch((error: unknown) => {
      throw new EnvironmentError(`${name} \`${path}\` cannot be read (${errorCode(error) ?? String(error)})`);
    });
  return {
    ...(tls ? { tls: { cert: await read('TLS_CERT', tls.certPath), key: await read('TLS_KEY', tls.keyPath) } } : {}),
    ...(trustedProxy.length > 0 ? { trustedProxy } : {}),
  };
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * A one-time link for the person at the console, when the admin token is kept here: at the first start, and later where a
 * person looks on. What is written to a file or a journal should not go on holding keys to the house.
 */
async function signInLink({ db, clock, keys }: Services, kept: KeptSecret): Promise<ConsoleLink | null> {
  if (kept.path === '' || !(kept.isNew || process.stderr.isTTY)) return null;
  return consoleLink(db.pool, { adminTokenMark: keys.adminTokenMark, now: clock.now() });
}

interface Greeting {
  readonly kept: KeptSecret;
  readonly signIn: ConsoleLink | null;
}

/** For the person at the console; the log is JSON on the other stream. */
function greet({ host, tls, dataDir, adminToken }: Environment, port: number, { kept, signIn }: Greeting): void {
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const url = `${tls ? 'https' : 'http'}://${name}:${port}`;
  const near = (path: string): string => {
    const fromHere = relative(process.cwd(), path);
    return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
  };
  const quoted = `'${near(kept.path).replaceAll("'", `'\\''`)}'`;
  const token = adminToken === null ? `$(cat ${quoted})` : '$ADMIN_TOKEN';
  const lines = [
    '',
    `Policy Studio ${version} runs at ${url} (documentation: ${url}/docs, data: ${near(dataDir)})`,
    ...(kept.isNew
      ? [`An admin token was made and is kept in ${kept.path}; whoever has it may do everything here.`]
      : []),
    ...(signIn === null
      ? []
      : [`Sign in, once and within ${signIn.minutes} minutes:`, '', `  ${url}/sign-in?link=${signIn.code}`, '']),
    'Ask the first question:',
    '',
    `  curl -s ${url}/policy/evaluate -H "authorization: Bearer ${token}" -H 'content-type: application/json' \\`,
    `    -d '{"agent": "inbox.triage", "action": "quarantine", "context": {"risk_score": 95}}'`,
    '',
    'Ctrl-C stops the server and its database.',
    '',
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
}

/** Resolves at the first request to stop; a second one ends the process at once. */
function stopSignal(log: Logger): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | null = null;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (firstAt === null) {
          firstAt = Date.now();
          resolve(signal);
        } else if (Date.now() - firstAt > sameSignalMs) {
          log.warn({ signal }, 'stopping at once');
          process.exit(1);
        }
      });
    }
  });
}

interface Stopping {
  readonly log: Logger;
  readonly db: Database;
  readonly opened: OpenServices | undefined;
  readonly app: FastifyInstance | undefined;
  readonly running: RunningJobs | undefined;
}

/** In this order nothing acknowledged is lost: no new requests, those in flight, what they left to write, the database. */
async function stop({ log, db, opened, app, running }: Stopping): Promise<void> {
  opened?.beginStop();
  if (app && !(await inTime(app.close(), drainMs))) {
    log.warn('requests still in flight were cut off');
    app.server.closeAllConnections();
  }
  if (running) await inTime(running.stop(), drainMs);
  if (opened && !(await inTime(opened.close(), drainMs))) log.error('not everything that was waiting could be written');
  await inTime(db.close(), drainMs);
}

function inTime(work: Promise<unknown>, ms: number): Promise<boolean> {
  return within(
    work.then(() => true),
    ms,
    false,
  );
}

/** One line for what the person who starts the server can mend; null for a bug. */
function startFailure(error: unknown): string | null {
  if (error instanceof EnvironmentError || error instanceof DatabaseStartError || error instanceof MigrationError) {
    return error.message;
  }
  const { syscall, address, port, code } = error as {
    syscall?: string;
    address?: string;
    port?: number;
    code?: string;
  };
  if (syscall === 'listen' || syscall === 'getaddrinfo') {
    const place = `${address ?? process.env.HOST ?? ''}:${port ?? process.env.PORT ?? ''}`;
    if (code === 'EADDRINUSE') return `${place} is in use by another program; stop it or set PORT to a free port`;
    if (code === 'EACCES') return `${place} may not be used by this user; set PORT to 1024 or higher`;
    return `the server cannot listen on ${place} (${code}); check HOST and PORT`;
  }
  if (typeof code === 'string' && /^ERR_(OSSL|SSL|TLS)|^ERR_CRYPTO/.test(code)) {
    return `TLS_CERT and TLS_KEY cannot be used together (${code}); give a PEM certificate and its key`;
  }
  const mended = storageError(error, process.env.DATA_DIR ?? 'data');
  return mended instanceof DatabaseStartError ? mended.message : null;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const line = startFailure(error);
  process.stderr.write(`policy-studio: ${line ?? (error instanceof Error ? error.stack : String(error))}\n`);
  process.exit(1);
}
