import type { Approval } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { type Refusal, refuse } from '../../refusal.js';
import { type ApprovalRow, approvalById, approvalDocument } from './queries.js';
import { timelineOf } from './timeline.js';

/** An approval that is known to be there, with its timeline. */
export async function documentOf(db: Pool | PoolClient, workspaceId: number, id: number, now: Date): Promise<Approval> {
  return withTimeline(db, workspaceId, (await approvalById(db, workspaceId, id)) as ApprovalRow, now);
}

export async function withTimeline(
  db: Pool | PoolClient,
  workspaceId: number,
  row: ApprovalRow,
  now: Date,
): Promise<Approval> {
  return { ...approvalDocument(row, now), timeline: await timelineOf(db, workspaceId, row, now) };
}

export function noApproval(id: number): Refusal {
  return refuse('not_found', `there is no approval ${id}; list them with GET /policy/approvals`);
}
