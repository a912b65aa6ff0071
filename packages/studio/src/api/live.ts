import { type ChangeEvent, ProblemError } from '@policy-studio/sdk';
import { useSyncExternalStore } from 'react';
import { client } from './client.js';
import { key, type Slice, slicesTouchedBy } from './keys.js';
import { queryClient } from './query-client.js';

export type LiveState = 'off' | 'connecting' | 'connected' | 'reconnecting';

/** Changes that come close together are one: at most one refresh of a slice in this time. */
const gatherMs = 250;

let state: LiveState = 'off';
let stop: AbortController | null = null;
const listeners = new Set<() => void>();
const eventListeners = new Set<(event: ChangeEvent) => void>();
const stale = new Set<Slice>();
let timer: ReturnType<typeof setTimeout> | null = null;

function become(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const listener of listeners) listener();
}

/** Follows the changes of the workspace until `stopLive`; what they touch is read anew where it is shown. */
export function startLive(): void {
  if (stop !== null) return;
  stop = new AbortController();
  become('connecting');
  void follow(stop.signal);
}

export function stopLive(): void {
  stop?.abort();
  stop = null;
  become('off');
}

async function follow(signal: AbortSignal): Promise<void> {
  try {
    const events = client.followEvents({
      signal,
      onState: (next) => {
        // What was missed meanwhile comes with the events, except for what is counted or measured.
        if (next === 'connected' && state === 'reconnecting')
          void queryClient.invalidateQueries({ queryKey: key('system') });
        if (!signal.aborted) become(next);
      },
    });
    for await (const event of events) {
      for (const slice of slicesTouchedBy(event.kind)) stale.add(slice);
      if (timer === null) timer = setTimeout(refresh, gatherMs);
      for (const listener of eventListeners) listener(event);
    }
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (!signal.aborted) become('off');
  }
}

function refresh(): void {
  timer = null;
  const due = [...stale];
  stale.clear();
  for (const slice of due) void queryClient.invalidateQueries({ queryKey: key(slice) });
}

/** Hears each change as it comes; returns how to stop. */
export function onChange(listener: (event: ChangeEvent) => void): () => void {
  eventListeners.add(listener);
  return () => eventListeners.delete(listener);
}

/** Whether changes arrive: for the indicator. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
