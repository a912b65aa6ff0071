import { PolicyStudioClient } from '@policy-studio/sdk';
import { credentialHeaders, credentials } from './credentials.js';

/** The one client of this page. The browser sends the session's cookie by itself. */
export const client = new PolicyStudioClient({
  url: globalThis.location.origin,
  timeoutMs: 20_000,
  fetch: async (input, init = {}) => {
    const response = await globalThis.fetch(input, { ...init, headers: { ...init.headers, ...credentialHeaders() } });
    if (response.status === 401) credentials.onRefused();
    return response;
  },
});

/** What an operation of the client answers: `Answer<'bundles', 'getBundle'>`. */
export type Answer<
  Tag extends keyof PolicyStudioClient,
  Name extends keyof PolicyStudioClient[Tag],
> = PolicyStudioClient[Tag][Name] extends (...args: never) => Promise<infer A> ? A : never;
