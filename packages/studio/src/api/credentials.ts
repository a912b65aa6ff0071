/** What goes with every request besides the session's cookie, and what to do when the server no longer takes it. */
interface Credentials {
  csrfToken: string | null;
  /** The workspace that the instance's admin chose for this tab; null: the session's own. */
  workspace: string | null;
  /** Called when an answer says that nobody is signed in any more. */
  onRefused: () => void;
}

export const credentials: Credentials = { csrfToken: null, workspace: null, onRefused: () => undefined };

export function credentialHeaders(): Record<string, string> {
  const { csrfToken, workspace } = credentials;
  return {
    ...(csrfToken === null ? {} : { 'x-csrf-token': csrfToken }),
    ...(workspace === null ? {} : { 'x-workspace': workspace }),
  };
}
