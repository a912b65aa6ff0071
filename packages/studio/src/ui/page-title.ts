import { useEffect, useSyncExternalStore } from 'react';

let current = '';
const listeners = new Set<() => void>();

/** Names the document, and the end of the path in the top bar, for as long as the page is shown. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    current = title;
    document.title = `${title} · Policy Studio`;
    for (const listener of listeners) listener();
  }, [title]);
}

export function useCurrentPageTitle(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
