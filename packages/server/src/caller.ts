import type { Role } from '@policy-studio/contract';

/** Who is asking: the outcome of authentication, bound to one workspace. */
export interface Caller {
  readonly workspaceId: number;
  readonly workspace: string;
  /** The person or service that answers for the key; four eyes compares owners. */
  readonly owner: string;
  readonly role: Role;
  /** null for the bootstrap token. */
  readonly keyId: number | null;
  /** What this caller gives as a session does not tell who asks. */
  readonly ignoresSession?: boolean;
  /** Name patterns of the agents this caller may speak for. */
  readonly agents: readonly string[];
}
