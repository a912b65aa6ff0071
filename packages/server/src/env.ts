import { BlockList, isIP } from 'node:net';
import { resolve } from 'node:path';
import { EnvironmentError } from './environment-error.js';
import type { IdentitySettings } from './features/access/claims.js';
import { defaultRequestsPerMinute } from './http/rate-limits.js';
import { identityOf } from './identity-environment.js';
import { type LogLevel, logLevels } from './logging.js';

/** Shortest ADMIN_TOKEN and HMAC_SECRET that are taken. */
const secretLength = 16;

/** How this process is to run: every variable read once, checked, with its default. */
export interface Environment {
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** null: the embedded database. */
  readonly databaseUrl: string | null;
  /** null: made, and kept in the data folder. */
  readonly hmacSecret: string | null;
  /** What HMAC_SECRET was before: opens and verifies what was made with it. null: it never changed. */
  readonly previousHmacSecret: string | null;
  readonly adminToken: string | null;
  readonly createTablesOnStartup: boolean;
  readonly logLevel: LogLevel;
  readonly decisionLog: 'durable' | 'async';
  /** Paths of PEM files. */
  readonly tls: { readonly certPath: string; readonly keyPath: string } | null;
  /** Addresses whose `X-Forwarded-*` is believed. */
  readonly trustedProxy: readonly string[];
  /** Where people reach this server, for links in messages; no slash at the end. null: messages have no links. */
  readonly publicUrl: string | null;
  /** Whether messages may go to private addresses, and unencrypted. */
  readonly allowPrivateWebhooks: boolean;
  /** What a scraper off this machine shows to read `/metrics`. */
  readonly metricsToken: string | null;
  readonly identity: IdentitySettings;
  /** Whether an empty store gets a demo workspace. */
  readonly seedDemo: boolean;
  /** Of one key, besides decisions; null: as many as come. */
  readonly requestsPerMinute: number | null;
}

export { EnvironmentError };

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment. An empty variable counts as unset.
 *
 * @throws EnvironmentError for the first value that will not do
 */
export function readEnvironment(variables: Variables, workingFolder: string): Environment {
  const read = (name: string): string | null => variables[name]?.trim() || null;
  const host = read('HOST') ?? '127.0.0.1';
  const databaseUrl = read('DATABASE_URL');
  const publicUrl = publicUrlOf(read('PUBLIC_URL'));
  const environment: Environment = {
    host,
    port: portOf(read('PORT')),
    dataDir: resolve(workingFolder, read('DATA_DIR') ?? 'data'),
    databaseUrl,
    hmacSecret: unknownSecretOf('HMAC_SECRET', read('HMAC_SECRET')),
    previousHmacSecret: secretOf('HMAC_SECRET_PREVIOUS', read('HMAC_SECRET_PREVIOUS')),
    adminToken: tokenOf('ADMIN_TOKEN', read('ADMIN_TOKEN')),
    createTablesOnStartup: flagOf('CREATE_TABLES_ON_STARTUP', read('CREATE_TABLES_ON_STARTUP'), databaseUrl === null),
    logLevel: choiceOf('LOG_LEVEL', read('LOG_LEVEL'), logLevels, 'info'),
    decisionLog: choiceOf('DECISION_LOG', read('DECISION_LOG'), ['durable', 'async'] as const, 'durable'),
    tls: tlsOf(read('TLS_CERT'), read('TLS_KEY')),
    trustedProxy: proxiesOf(read('TRUSTED_PROXY')),
    publicUrl,
    allowPrivateWebhooks: flagOf('ALLOW_PRIVATE_WEBHOOKS', read('ALLOW_PRIVATE_WEBHOOKS'), false),
    metricsToken: tokenOf('METRICS_TOKEN', read('METRICS_TOKEN')),
    identity: identityOf(read, publicUrl),
    seedDemo: flagOf('SEED_DEMO', read('SEED_DEMO'), databaseUrl === null),
    requestsPerMinute: rateOf('REQUESTS_PER_MINUTE', read('REQUESTS_PER_MINUTE')),
  };
  if (environment.previousHmacSecret !== null && environment.previousHmacSecret === environment.hmacSecret) {
    throw new EnvironmentError('HMAC_SECRET_PREVIOUS is HMAC_SECRET itself; leave it out, or give the secret before');
  }
  if (databaseUrl !== null && environment.hmacSecret === null) {
    throw new EnvironmentError(
      `HMAC_SECRET is needed with DATABASE_URL, the same on every server that shares the database; make one with \`openssl rand -hex 32\``,
    );
  }
  const plain = flagOf('ALLOW_PLAIN_HTTP', read('ALLOW_PLAIN_HTTP'), false);
  if (!isLoopback(host) && environment.tls === null && environment.trustedProxy.length === 0 && !plain) {
    throw new EnvironmentError(
      `HOST \`${host}\` is open to other machines, and keys would travel unencrypted; set TLS_CERT and TLS_KEY, or TRUSTED_PROXY=<cidr> behind a proxy that encrypts, or ALLOW_PLAIN_HTTP=true`,
    );
  }
  return environment;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function portOf(text: string | null): number {
  if (text === null) return 8080;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new EnvironmentError(`PORT \`${text}\` is not a port; use a number from 0 (any free one) to 65535`);
  }
  return port;
}

function rateOf(name: string, text: string | null): number | null {
  if (text === null) return defaultRequestsPerMinute;
  const rate = Number(text);
  if (!/^\d+$/.test(text) || rate > 10_000_000 || (rate > 0 && rate < 60)) {
    throw new EnvironmentError(`${name} \`${text}\` is not a number from 60 to 10000000; 0 is no limit`);
  }
  return rate === 0 ? null : rate;
}

function flagOf(name: string, text: string | null, fallback: boolean): boolean {
  if (text === null) return fallback;
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  if (/^(false|0|no|off)$/i.test(text)) return false;
  throw new EnvironmentError(`${name} \`${text}\` is neither true nor false`);
}

function choiceOf<T extends string>(name: string, text: string | null, choices: readonly T[], fallback: T): T {
  if (text === null) return fallback;
  const choice = choices.find((candidate) => candidate === text.toLowerCase());
  if (choice === undefined) throw new EnvironmentError(`${name} \`${text}\` is none of ${choices.join(', ')}`);
  return choice;
}

/** Never repeats the value. */
function secretOf(name: string, text: string | null): string | null {
  if (text !== null && text.length < secretLength) {
    throw new EnvironmentError(`${name} has ${text.length} characters, ${secretLength} or more are needed`);
  }
  return text;
}

/** What stands in examples and templates, and everybody knows. */
const knownSecret = /change[-_ ]?(me|this|it)|your[-_ ]|in[-_ ]production|placeholder|insecure|^default/i;

/** A secret that is not one that everybody knows. */
function unknownSecretOf(name: string, text: string | null): string | null {
  const secret = secretOf(name, text);
  if (secret !== null && knownSecret.test(secret)) {
    throw new EnvironmentError(`${name} is a default or an example; make one with \`openssl rand -hex 32\``);
  }
  return secret;
}

function tokenOf(name: string, text: string | null): string | null {
  const token = unknownSecretOf(name, text);
  if (token !== null && !/^[\x21-\x7e]{1,512}$/.test(token)) {
    throw new EnvironmentError(`${name} must be at most 512 printable ASCII characters without spaces`);
  }
  return token;
}

function tlsOf(certPath: string | null, keyPath: string | null): Environment['tls'] {
  if (certPath !== null && keyPath !== null) return { certPath, keyPath };
  if (certPath === null && keyPath === null) return null;
  throw new EnvironmentError(`${certPath === null ? 'TLS_CERT' : 'TLS_KEY'} is missing; TLS takes both files`);
}

function publicUrlOf(text: string | null): string | null {
  if (text === null) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new EnvironmentError(`PUBLIC_URL \`${text}\` is not an address such as https://policy.example.com`);
  }
  return url.href.replace(/\/+$/, '');
}

function proxiesOf(text: string | null): readonly string[] {
  const proxies = (text ?? '').split(',').flatMap((part) => part.trim() || []);
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/');
    const family = isIP(address);
    const size = bits === undefined ? 0 : Number(bits);
    try {
      if (family === 0 || (bits !== undefined && !/^\d+$/.test(bits))) throw new Error();
      new BlockList().addSubnet(address, size, family === 4 ? 'ipv4' : 'ipv6');
    } catch {
      throw new EnvironmentError(`TRUSTED_PROXY \`${proxy}\` is not an address or CIDR such as 10.0.0.0/8`);
    }
  }
  return proxies;
}
