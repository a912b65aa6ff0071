import type { ChangeEvent } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';

/**
 * Whether a caller may see a change: people see all of their workspace, as in the audit trail; an agent's key only what
 * becomes of the approvals that it asked for, whose events name the key in `data.key_id`.
 */
export function maySee({ role, keyId }: Pick<Caller, 'role' | 'keyId'>, { kind, data }: ChangeEvent): boolean {
  if (role !== 'agent') return true;
  return keyId !== null && kind.startsWith('approval.') && data.key_id === keyId;
}
