import { type OperationId, operations, ProblemError, permits, type Role } from '@policy-studio/sdk';
import { useSyncExternalStore } from 'react';
import { client } from './client.js';
import { credentials } from './credentials.js';

/** Who is signed in at this browser. */
export interface Session {
  readonly person: string;
  readonly role: Role;
  readonly workspace: string;
}

/** What the server put into the page. */
function told(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? '';
}

/** How people may sign in besides with a key: `oidc`, or nothing. */
export const signsInWith = told('sign-in-with');

type State =
  | { readonly status: 'unknown' | 'signed-out'; readonly session: null }
  | { readonly status: 'signed-in'; readonly session: Session };

// A browser without the cookie of a session has none.
let state: State = { status: told('session') === 'none' ? 'signed-out' : 'unknown', session: null };
const listeners = new Set<() => void>();

function become(next: State): void {
  state = next;
  for (const listener of listeners) listener();
}

credentials.onRefused = () => {
  credentials.csrfToken = null;
  credentials.workspace = null;
  if (state.status === 'signed-in') become({ status: 'signed-out', session: null });
};

function begin(answer: { person: string; role: Role; workspace: string; csrf_token: string }): Session {
  const { person, role, workspace, csrf_token } = answer;
  credentials.csrfToken = csrf_token;
  const session = { person, role, workspace };
  become({ status: 'signed-in', session });
  return session;
}

/** The session this browser has, asking the server the first time; null when nobody is signed in. */
export async function currentSession(): Promise<Session | null> {
  if (state.status !== 'unknown') return state.session;
  credentials.workspace = sessionStorage.getItem(keptWorkspace);
  try {
    return begin(await client.access.getSession());
  } catch (error) {
    if (credentials.workspace !== null) {
      // Chosen in another session, or gone by now.
      forgetWorkspace();
      return currentSession();
    }
    if (!(error instanceof ProblemError) || (error.status !== 401 && error.status !== 404)) throw error;
    become({ status: 'signed-out', session: null });
    return null;
  }
}

/** Begins a session with an API key or the admin token. */
export async function signIn(token: string): Promise<Session> {
  return begin(await client.access.signIn({ token }));
}

export async function signOut(): Promise<void> {
  await client.access.signOut();
  credentials.csrfToken = null;
  forgetWorkspace();
  become({ status: 'signed-out', session: null });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The session, null when it ended: pages that need one are not shown without. */
export function useSession(): Session | null {
  return useSyncExternalStore(subscribe, () => state.session);
}

const keptWorkspace = 'policy-studio-workspace';

/** For the instance's admin: this tab looks at another workspace from now on, after a reload too. */
export function chooseWorkspace(workspace: string): void {
  if (state.status !== 'signed-in') return;
  credentials.workspace = workspace;
  sessionStorage.setItem(keptWorkspace, workspace);
  become({ status: 'signed-in', session: { ...state.session, workspace } });
}

function forgetWorkspace(): void {
  credentials.workspace = null;
  sessionStorage.removeItem(keptWorkspace);
}

/** Told whenever somebody signs in or out. */
export const onSessionChange = subscribe;

/**
 * Why this person may not call an operation, or null when they may: for buttons, which say it.
 * `useRefusal('createBundle')` is null or "Needs the role author or admin; you are a viewer".
 */
export function useRefusal(operation: OperationId): string | null {
  const session = useSession();
  const { access } = operations[operation];
  if (session === null) return 'Sign in first';
  if (permits(access, session.role)) return null;
  if (typeof access === 'string') return 'Needs the admin token of this server';
  return `Needs the role ${access.join(' or ')}; you are ${article(session.role)} ${session.role}`;
}

function article(word: string): string {
  return /^[aeio]/.test(word) ? 'an' : 'a';
}
