import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isPrivateLiteral, publicLookup } from './addresses.js';

/** What of an answer is read at most. */
const answerBytes = 4 * 1024;

export interface Outgoing {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface PostOptions {
  readonly allowPrivate: boolean;
  /** From the start to the end of the answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** `retryAfterMs`: what the receiver asks for. `error` holds no part of the address. */
export type Posted =
  | { readonly status: number; readonly retryAfterMs: number | null; readonly text: string }
  | { readonly status: null; readonly error: string };

/**
 * Posts JSON over a connection of its own and reads the first of the answer. Follows no redirects. Never throws: what goes
 * wrong is told.
 */
export async function post({ url: address, headers, body }: Outgoing, options: PostOptions): Promise<Posted> {
  const url = new URL(address);
  if (!options.allowPrivate && (url.protocol !== 'https:' || isPrivateLiteral(url))) {
    return { status: null, error: 'only public addresses over https are allowed' };
  }
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  try {
    return await exchange(url, headers, body, { ...options, signal });
  } catch (error) {
    if (timeout.aborted) return { status: null, error: `no answer within ${options.timeoutMs / 1000} s` };
    return { status: null, error: failure(error) };
  }
}

function exchange(
  url: URL,
  headers: Outgoing['headers'],
  body: string,
  { allowPrivate, signal }: PostOptions,
): Promise<Posted> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body);
    const request = send(
      url,
      {
        method: 'POST',
        agent: false,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'policy-studio',
          ...headers,
          'content-length': bytes.length,
        },
        ...(signal ? { signal } : {}),
        ...(allowPrivate ? {} : { lookup: publicLookup }),
      },
      (response) => {
        let text = '';
        const done = (): void =>
          resolve({
            status: response.statusCode ?? 0,
            retryAfterMs: retryAfter(response.headers['retry-after']),
            text,
          });
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length < answerBytes) return;
          done();
          response.destroy();
        });
        response.on('end', done);
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(bytes);
  });
}

function retryAfter(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : null;
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the host is not known',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'no connection came about',
  PRIVATE_ADDRESS: 'the name leads to a private address',
};

function failure(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code !== 'string')
    return typeof message === 'string' && /abort/i.test(message) ? 'given up' : 'it could not be sent';
  return reasons[code] ?? `it could not be sent (${code})`;
}
