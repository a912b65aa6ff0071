/** What goes with every request besides the session's cookie, and what to do when the server no longer takes it. */
interface Credentials {
  csrfToken: string | null;
  /** Called when an answer says that nobody is signed in any more. */
  onRefused: () => void;
}

export const credentials: Credentials = { csrfToken: null, onRefused: () => undefined };

export function credentialHeaders(): Record<string, string> {
  return credentials.csrfToken === null ? {} : { 'x-csrf-token': credentials.csrfToken };
}
