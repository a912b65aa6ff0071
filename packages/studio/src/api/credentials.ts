/** What goes with every request besides the cookie, and what to do when the server no longer takes it. */
interface Credentials {
  csrfToken: string | null;
  /** Of a server without browser sessions: the key that was typed in, kept by this page alone. */
  bearer: string | null;
  onRefused: () => void;
  headers(): Record<string, string>;
  refused(): void;
}

export const credentials: Credentials = {
  csrfToken: null,
  bearer: null,
  onRefused: () => undefined,
  headers: () => ({
    ...(credentials.csrfToken === null ? {} : { 'x-csrf-token': credentials.csrfToken }),
    ...(credentials.bearer === null ? {} : { authorization: `Bearer ${credentials.bearer}` }),
  }),
  refused: () => credentials.onRefused(),
};
