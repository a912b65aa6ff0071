/** The roles of a workspace, least powerful first. What each may do is the `access` of every operation. */
export const roles = ['viewer', 'agent', 'author', 'approver', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/**
 * Who may call an operation: nobody needs to be known (`public`), the caller holds ADMIN_TOKEN (`instance`), or one of
 * these roles in its workspace.
 */
export type Access = 'public' | 'instance' | readonly Role[];

/** Everybody who reads: all roles but `agent`, which sees only what it needs to act. */
export const readers = ['viewer', 'author', 'approver', 'operator', 'admin'] as const satisfies readonly Role[];

/** Who may have rules checked and tried: everybody who has a say in them. */
export const examiners = ['author', 'approver', 'operator', 'admin'] as const satisfies readonly Role[];

/** Whether a caller with `role` (null: unauthenticated) may use something of this `access`. A role alone is never `instance`. */
export function permits(access: Access, role: Role | null): boolean {
  return access === 'public' || (access !== 'instance' && role !== null && access.includes(role));
}
