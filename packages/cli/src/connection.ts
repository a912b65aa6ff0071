import { type ClientOptions, PolicyStudioClient, ProblemError } from '@policy-studio/sdk';
import { type Command, Option } from 'commander';
import { CommandFailure, exitCodes, unusable } from './exit-code.js';
import { displayName, readBytes } from './input.js';
import { numberIn } from './option-values.js';
import type { Terminal } from './output.js';

export interface ConnectionOptions {
  readonly url?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly workspace?: string;
  readonly timeout?: number;
  readonly json?: boolean;
}

const defaultUrl = 'http://127.0.0.1:8080';

/** Adds the options of a command that talks to a server. */
export function connected(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', `the server (default: $POLICY_STUDIO_URL, else ${defaultUrl})`))
    .addOption(
      new Option('--token <key>', 'an API key; others on this machine can see it here, prefer $POLICY_STUDIO_TOKEN'),
    )
    .addOption(new Option('--token-file <file>', 'read the API key from a file, `-` for standard input'))
    .addOption(new Option('--workspace <name>', 'for the admin token: the workspace meant'))
    .addOption(
      new Option('--timeout <seconds>', 'give up after this long').default(15).argParser(numberIn('a time', 0.1, 3600)),
    )
    .option('--json', 'print the answer as JSON');
}

/** A client for the server that the options and the environment name. */
export async function connect(options: ConnectionOptions, terminal: Terminal): Promise<PolicyStudioClient> {
  const { env } = terminal;
  if (options.token !== undefined && options.tokenFile !== undefined) {
    throw unusable('give --token or --token-file, not both');
  }
  const token =
    options.tokenFile === undefined
      ? (options.token ?? env.POLICY_STUDIO_TOKEN)
      : await readToken(options.tokenFile, terminal);
  const settings: ClientOptions = {
    url: options.url ?? env.POLICY_STUDIO_URL ?? defaultUrl,
    ...(token === undefined || token === '' ? {} : { token }),
    ...(options.workspace === undefined ? {} : { workspace: options.workspace }),
    timeoutMs: (options.timeout ?? 15) * 1000,
  };
  try {
    return new PolicyStudioClient(settings);
  } catch (error) {
    throw error instanceof ProblemError ? unusable(error.detail) : error;
  }
}

const longestToken = 4096;

async function readToken(path: string, terminal: Terminal): Promise<string> {
  let text = '';
  for await (const chunk of readBytes(path, terminal)) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.length > longestToken) throw unusable(`${displayName(path)}: is too large to hold a key`);
  }
  if (text.trim() === '') throw unusable(`${displayName(path)}: holds no key`);
  return text.trim();
}

/** A server's refusal, or the lack of a server, as the command's last words; any other error as it is. */
export function asServerFailure(error: unknown, hasToken: boolean): unknown {
  return error instanceof ProblemError ? serverFailure(error, hasToken) : error;
}

function serverFailure(problem: ProblemError, hasToken: boolean): CommandFailure {
  const { code, status, detail, errors, requestId } = problem;
  const about = [code, ...(status > 0 ? [status] : []), ...(requestId === null ? [] : [`request ${requestId}`])];
  const [only, ...others] = errors;
  // A single fault is the sentence itself.
  const told = only !== undefined && others.length === 0 && detail.endsWith(only.message);
  const places = told
    ? []
    : errors.slice(0, 20).map(({ path, message }) => `\n  ${path === '' ? '/' : path}: ${message}`);
  const hint = code === 'unauthenticated' && !hasToken ? '; set POLICY_STUDIO_TOKEN, or give --token-file' : '';
  const text = `${detail}${hint} (${about.join(', ')})${places.join('')}`;
  return new CommandFailure(text, code === 'invalid_input' ? exitCodes.usage : exitCodes.server);
}
