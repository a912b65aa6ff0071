import { ProblemError } from '@policy-studio/sdk';
import { QueryClient } from '@tanstack/react-query';

/** The state of the server as this page knows it. Freshness comes with events (see live.ts), not with time. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      // The client has tried again by itself where that is safe.
      retry: false,
    },
    mutations: { retry: false },
  },
});

/** What went wrong, for people: the server's words, and what finds its answer in the log. */
export function faultOf(error: unknown): { readonly detail: string; readonly requestId: string | null } {
  if (error instanceof ProblemError) {
    const detail = error.code === 'network_error' ? 'the server cannot be reached from this browser' : error.detail;
    return { detail, requestId: error.requestId };
  }
  return { detail: error instanceof Error ? error.message : String(error), requestId: null };
}
