import type { Role } from '@policy-studio/contract';
import type { StoredSession } from './features/access/queries.js';

/** Who is asking: the outcome of authentication, bound to one workspace. */
export interface Caller {
  readonly workspaceId: number;
  readonly workspace: string;
  /** The person or service that answers for the key; four eyes compares owners. */
  readonly owner: string;
  readonly role: Role;
  /**
   * Of the key, or of the member that asks without one: the two are numbered together, so that what a caller asked for is
   * told apart by it. null for the bootstrap token.
   */
  readonly keyId: number | null;
  /** When `keyId` is that of a member. */
  readonly isMember?: boolean;
  /** What this caller gives as a session does not tell who asks. */
  readonly ignoresSession?: boolean;
  /** Name patterns of the agents this caller may speak for. */
  readonly agents: readonly string[];
  /** How the caller is known when it is a browser. */
  readonly browser?: {
    readonly session: StoredSession;
    /** What its cookie holds. */
    readonly secret: string;
    readonly seenMs: number;
  };
}
