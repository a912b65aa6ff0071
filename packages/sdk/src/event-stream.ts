import type { ChangeEvent } from '@policy-studio/contract';
import { fromProblem, ProblemError } from './problem-error.js';
import type { Transport } from './transport.js';

export interface FollowOptions {
  /** Begin after this `seq`; left out: from now on. */
  readonly after?: number;
  /** Ends the following; nothing more is yielded and nothing thrown. */
  readonly signal?: AbortSignal;
  /** Told when the stream is there, and when it is not and will be tried again. */
  readonly onState?: (state: 'connected' | 'reconnecting') => void;
}

/** The server gives a sign of life every 15 seconds. */
const silenceMs = 40_000;
const longestPauseMs = 10_000;

/**
 * Changes as they are committed, each once and in order, for as long as the caller reads: a connection that breaks is
 * made again, after a pause that grows to 10 s, and resumes where it was. Throws a ProblemError where trying again
 * would not help: the caller is not known (401), may not read (403), or the address is no Policy Studio server (404).
 */
export async function* followEvents(transport: Transport, options: FollowOptions): AsyncGenerator<ChangeEvent> {
  const { signal, onState } = options;
  let position = options.after ?? null;
  for (let failures = 0; !signal?.aborted; ) {
    const connection = new AbortController();
    const stop = (): void => connection.abort();
    signal?.addEventListener('abort', stop, { once: true });
    const silence = watch(silenceMs, stop);
    try {
      const body = await connect(transport, position, connection.signal);
      failures = 0;
      onState?.('connected');
      for await (const frame of frames(body, silence.touch)) {
        position = frame.id ?? position;
        if (frame.data !== '') yield JSON.parse(frame.data) as ChangeEvent;
      }
    } catch (error) {
      if (error instanceof ProblemError && [401, 403, 404].includes(error.status)) throw error;
      failures += 1;
    } finally {
      silence.end();
      connection.abort();
      signal?.removeEventListener('abort', stop);
    }
    if (signal?.aborted) return;
    onState?.('reconnecting');
    await pause(Math.min(longestPauseMs, 500 * 2 ** failures) * (0.5 + transport.random() / 2), signal);
  }
}

async function connect(transport: Transport, position: number | null, signal: AbortSignal) {
  const url = `${transport.baseUrl}/policy/events`;
  const response = await transport.fetch(url, {
    headers: {
      accept: 'text/event-stream',
      ...transport.headers,
      ...(position === null ? {} : { 'last-event-id': String(position) }),
    },
    redirect: 'manual',
    cache: 'no-store',
    signal,
  });
  if (response.ok && response.body !== null && response.headers.get('content-type')?.startsWith('text/event-stream')) {
    return response.body;
  }
  const text = await response.text();
  throw (
    fromProblem(jsonOf(text), response.status, url, null) ??
    new ProblemError({
      code: 'http_error',
      status: response.status,
      url,
      detail: `${url} answered ${response.status} without a stream of events`,
    })
  );
}

interface Frame {
  readonly id: number | null;
  /** Empty: a sign of life. */
  readonly data: string;
}

/** The frames of a `text/event-stream`; one that the connection's end cuts off is none. */
async function* frames(body: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator<Frame> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let id: number | null = null;
  let data: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (id !== null || data.length > 0) yield { id, data: data.join('\n') };
        id = null;
        data = [];
      } else if (line.startsWith('id:')) id = seqOf(line.slice(3));
      else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    }
  }
}

function seqOf(text: string): number | null {
  const seq = Number(text.trim());
  return Number.isSafeInteger(seq) && seq >= 0 ? seq : null;
}

function watch(ms: number, onSilence: () => void): { touch(): void; end(): void } {
  let timer = setTimeout(onSilence, ms);
  return {
    touch() {
      clearTimeout(timer);
      timer = setTimeout(onSilence, ms);
    },
    end: () => clearTimeout(timer),
  };
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done, { once: true });
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
