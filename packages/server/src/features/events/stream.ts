import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeEvent } from '@policy-studio/contract';
import { databaseFailure } from '../../database-failure.js';
import type { Follower } from './tail.js';

/** What a reader may leave lying about here; beyond it nothing more is read for it. */
const bufferBytes = 64 * 1024;
/** What EventSource waits before it comes back. */
const retryMs = 2_000;
const databaseAwayMs = 1_000;

export interface StreamOptions {
  readonly follower: Follower;
  /** The position after which the reader wants to begin. */
  readonly after: number;
  readonly maySee: (event: ChangeEvent) => boolean;
  /** After so long a silence comes a sign of life. */
  readonly heartbeatMs: number;
  /** How long the reader may take nothing. */
  readonly stuckMs: number;
  /** Asked as often as there would be signs of life, also when there is no silence: whether the reader is still welcome. */
  readonly mayStay: () => Promise<boolean>;
  /** The reader took nothing for `stuckMs`: its connection is to be cut. It resumes where it was. */
  readonly onStuck: () => void;
}

/**
 * Changes as server-sent events. Every event carries its `seq` as its id; signs of life carry the position as well, so
 * that a reader who may see little resumes close to the end. Ends when the follower is closed, or the reader may not stay.
 */
export function eventStream(options: StreamOptions): Readable {
  return Readable.from(guarded(frames(options), options), { objectMode: false, highWaterMark: bufferBytes });
}

async function* frames({ follower, after, maySee, heartbeatMs, mayStay }: StreamOptions): AsyncGenerator<string> {
  let position = after;
  let welcomeMs = performance.now();
  yield `retry: ${retryMs}\n${positionFrame(position)}`;
  for (;;) {
    const events = await nextOf(follower, position, heartbeatMs);
    if (events === 'closed') return;
    for (const event of events) {
      position = event.seq;
      if (maySee(event)) yield `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`;
    }
    const isSilent = events.length === 0;
    if (!isSilent && performance.now() - welcomeMs < heartbeatMs) continue;
    if (!(await mayStay())) return;
    welcomeMs = performance.now();
    if (isSilent) yield positionFrame(position);
  }
}

/** An event without data is none: it only tells the reader its position. */
function positionFrame(seq: number): string {
  return `: here I am\nid: ${seq}\n\n`;
}

/** A reader stays while the database is away; it then sees nothing but signs of life. */
async function nextOf(follower: Follower, seq: number, ms: number): Promise<readonly ChangeEvent[] | 'closed'> {
  try {
    const events = await follower.next(seq, ms);
    return follower.closed ? 'closed' : events;
  } catch (error) {
    if (databaseFailure(error) === null) throw error;
    await sleep(databaseAwayMs);
    return follower.closed ? 'closed' : [];
  }
}

/** Watches the time from giving a frame to being asked for the next. */
async function* guarded(source: AsyncGenerator<string>, options: StreamOptions): AsyncGenerator<string> {
  const { stuckMs, onStuck, follower } = options;
  let timer: NodeJS.Timeout | undefined;
  try {
    for await (const frame of source) {
      timer = setTimeout(onStuck, stuckMs);
      timer.unref();
      yield frame;
      clearTimeout(timer);
    }
  } finally {
    clearTimeout(timer);
    follower.close();
  }
}
