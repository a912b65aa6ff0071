import type { Prepared } from './operation-input.js';
import { fromProblem, ProblemError } from './problem-error.js';

export interface Transport {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof globalThis.fetch;
  /** The longest a call takes in all: attempts, waits between them and reading the answer. */
  readonly timeoutMs: number;
  /** Further attempts after the first, for calls that may be repeated. */
  readonly retries: number;
  readonly maxAnswerBytes: number;
  readonly now: () => number;
  readonly random: () => number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly retries?: number;
}

/** An answer that is no problem. `body` is undefined for 204 and 304. */
export interface RawAnswer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: unknown;
}

const firstDelayMs = 100;
const maxDelayMs = 2000;
const retryStatuses = new Set([429, 502, 503, 504]);

/**
 * Sends one call and reads its answer. Repeats it only where that is safe: a GET, or an evaluation with a `request_id`,
 * after a network failure or a 429, 502, 503 or 504; waits as `Retry-After` says, else with exponential backoff and
 * jitter, and gives up at once when the wait would outlast the deadline. Throws ProblemError and nothing else.
 */
export async function exchange(transport: Transport, call: Prepared, options: CallOptions): Promise<RawAnswer> {
  const timeoutMs = (options.timeoutMs ?? transport.timeoutMs) + call.waitSeconds * 1000;
  const url = `${transport.baseUrl}${call.target}`;
  const deadline = openDeadline(timeoutMs, url, options.signal);
  const end = transport.now() + timeoutMs;
  const attempts = call.repeatable ? 1 + (options.retries ?? transport.retries) : 1;
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await deadline.race(attemptOnce(transport, call, url, deadline.signal));
      } catch (error) {
        const problem = deadline.reason() ?? asProblem(error, url);
        if (attempt >= attempts || !mayRetry(problem)) throw problem;
        const delayMs = problem.retryAfterMs ?? backoffMs(attempt, transport.random());
        if (transport.now() + delayMs >= end) throw problem;
        await deadline.sleep(delayMs);
      }
    }
  } finally {
    deadline.close();
  }
}

/** Half the step is fixed, half is random: callers that failed together do not come back together. */
function backoffMs(attempt: number, random: number): number {
  const step = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
  return step / 2 + (step / 2) * random;
}

function mayRetry(problem: ProblemError): boolean {
  return problem.code === 'network_error' || retryStatuses.has(problem.status);
}

async function attemptOnce(transport: Transport, call: Prepared, url: string, signal: AbortSignal): Promise<RawAnswer> {
  const response = await transport.fetch(url, {
    method: call.method,
    headers: {
      accept: 'application/json',
      ...transport.headers,
      ...call.headers,
      ...(call.body === null ? {} : { 'content-type': 'application/json' }),
    },
    ...(call.body === null ? {} : { body: call.body }),
    // Following a redirect would turn a POST into a GET and could carry the request to another host.
    redirect: 'manual',
    signal,
  });
  const { status } = response;
  const etag = response.headers.get('etag');
  if (status === 204 || status === 304) {
    await response.body?.cancel();
    return { status, etag, body: undefined };
  }
  if (response.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
    await response.body?.cancel();
    const location = response.headers.get('location');
    throw new ProblemError({
      code: 'http_error',
      status,
      url,
      detail: `${url} redirects${location === null ? '' : ` to ${location}`}; give the server's own address`,
    });
  }
  const text = await readBounded(response, transport.maxAnswerBytes, url);
  const body = parseJson(text);
  if (response.ok && body !== undefined) return { status, etag, body };
  const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), transport.now());
  throw (
    (response.ok ? null : fromProblem(body, status, url, retryAfterMs)) ?? foreignAnswer(response, url, retryAfterMs)
  );
}

/** What something else than the server says: a proxy's error page, a wrong address. */
function foreignAnswer(response: Response, url: string, retryAfterMs: number | null): ProblemError {
  const type = response.headers.get('content-type') ?? 'no content type';
  return new ProblemError({
    code: response.ok ? 'invalid_answer' : 'http_error',
    status: response.status,
    url,
    retryAfterMs,
    detail: `${url} answered ${response.status} (${type}) without ${
      response.ok ? 'readable JSON' : 'a problem document'
    }; is this address a Policy Studio server?`,
  });
}

async function readBounded(response: Response, maxBytes: number, url: string): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const decoder = new TextDecoder('utf-8');
  let bytes = 0;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw new ProblemError({
        code: 'answer_too_large',
        status: response.status,
        url,
        detail: `${url} answered with more than ${maxBytes} bytes`,
      });
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `Retry-After` in milliseconds from `nowMs`: seconds or an HTTP date; null when absent or unreadable. */
function parseRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value.trim()) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}

function asProblem(error: unknown, url: string): ProblemError {
  if (error instanceof ProblemError) return error;
  return new ProblemError({
    code: 'network_error',
    url,
    detail: `cannot reach ${url}: ${networkReason(error)}`,
    cause: error,
  });
}

const networkReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused; is the server running?',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ECONNRESET: 'the connection was closed before the answer was complete',
  UND_ERR_SOCKET: 'the connection was closed before the answer was complete',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted (self-signed)',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; is it an http address?',
};

/** Node hides the reason in `cause`; browsers give none. */
function networkReason(error: unknown): string {
  let message = String(error);
  for (let at: unknown = error, steps = 0; at instanceof Error && steps < 4; at = at.cause, steps += 1) {
    const code: unknown = Reflect.get(at, 'code');
    if (typeof code === 'string' && networkReasons[code] !== undefined) return networkReasons[code];
    if (at.message !== '') message = at.message;
  }
  return message.trim().replaceAll(/\s+/g, ' ');
}

interface Deadline {
  readonly signal: AbortSignal;
  /** Why the call was cut off, null while it was not. */
  reason(): ProblemError | null;
  race<T>(work: Promise<T>): Promise<T>;
  sleep(ms: number): Promise<void>;
  close(): void;
}

/** Ends a call on time or on its caller's signal, even where `fetch` ignores signals. */
function openDeadline(timeoutMs: number, url: string, outer: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  let reason: ProblemError | null = null;
  const cut = (code: 'timeout' | 'aborted', detail: string, cause?: unknown): void => {
    reason ??= new ProblemError({ code, url, detail, cause });
    controller.abort(reason);
  };
  const onAbort = (): void => cut('aborted', `the call of ${url} was given up by its caller`, outer?.reason);
  const timer = setTimeout(() => cut('timeout', `${url} did not answer within ${timeoutMs} ms`), timeoutMs);
  if (outer?.aborted) onAbort();
  else outer?.addEventListener('abort', onAbort, { once: true });

  const race = <T>(work: Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const stop = (): void => reject(reason);
      if (controller.signal.aborted) stop();
      else controller.signal.addEventListener('abort', stop, { once: true });
      work.then(resolve, reject);
    });
  return {
    signal: controller.signal,
    reason: () => reason,
    race,
    sleep: (ms) => {
      let pause: ReturnType<typeof setTimeout>;
      const waited = new Promise<void>((resolve) => {
        pause = setTimeout(resolve, ms);
      });
      return race(waited).finally(() => clearTimeout(pause));
    },
    close: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
    },
  };
}
