import { useSyncExternalStore } from 'react';

interface Ticker {
  now: Date;
  timer: ReturnType<typeof setInterval> | undefined;
  readonly listeners: Set<() => void>;
}

const tickers = new Map<number, Ticker>();

function tickerOf(everyMs: number): Ticker {
  const known = tickers.get(everyMs);
  if (known) return known;
  const ticker: Ticker = { now: new Date(), timer: undefined, listeners: new Set() };
  tickers.set(everyMs, ticker);
  return ticker;
}

/** The time, renewed every `everyMs`. All that ask for the same pace share one timer, which stands still when nobody does. */
export function useNow(everyMs: number): Date {
  const ticker = tickerOf(everyMs);
  return useSyncExternalStore(
    (listener) => {
      ticker.listeners.add(listener);
      ticker.timer ??= setInterval(() => {
        ticker.now = new Date();
        for (const each of ticker.listeners) each();
      }, everyMs);
      return () => {
        ticker.listeners.delete(listener);
        if (ticker.listeners.size > 0) return;
        clearInterval(ticker.timer);
        ticker.timer = undefined;
      };
    },
    () => ticker.now,
  );
}
