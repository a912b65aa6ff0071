import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { ApprovalLink, BodyOf, operations, Role } from '@policy-studio/contract';
import { canonicalJson } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { samePerson } from '../../person.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { ServerSecrets } from '../../server-secrets.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { noApproval } from './document.js';
import { type ApprovalRow, approvalById } from './queries.js';
import { stateOf } from './status.js';
import { addEntry } from './timeline.js';
import { approvalTransition } from './transition.js';

const minuteMs = 60_000;
const defaultMinutes = 60;
/** Links to one approval that can be used at a time. */
const maxOpenLinks = 20;

/** Where a link leads, from the root of the server. */
export const linkPath = 'approval-link';

/** A link as it is stored: everything but what proves it. */
export interface LinkRow {
  readonly id: string;
  readonly workspace_id: number;
  readonly approval_id: number;
  readonly approver: string;
  readonly nonce: string;
  readonly made_by: string;
  readonly key_id: number | null;
  readonly expires_at: Date;
  readonly wrong_guesses: number;
  readonly used_at: Date | null;
  readonly revoked_at: Date | null;
  /** Of the key or member it was made with, as of now; null: that is no more, or it was the bootstrap token. */
  readonly maker_role: Role | null;
  /** Whether its workspace was put away. */
  readonly archived: boolean;
}

const tokenForm = /^([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{43})$/;

/** `<id>.<proof>`: the id finds the row, the proof is an HMAC over all of it that must not change. */
function tokenOf(link: Proven, secrets: ServerSecrets): string {
  return `${link.id}.${proofOf(link, secrets).toString('base64url')}`;
}

type Proven = Pick<LinkRow, 'id' | 'workspace_id' | 'approval_id' | 'approver' | 'nonce' | 'expires_at'>;

function proofOf(link: Proven, secrets: ServerSecrets): Buffer {
  const { id, workspace_id, approval_id, approver, nonce, expires_at } = link;
  const covered = { id, workspace_id, approval_id, approver, nonce, expires_at: expires_at.toISOString() };
  return secrets.mac(canonicalJson(covered), 'approval link');
}

/** What a token is compared with when there is no such link, so that both take as long. */
const nobody: Proven = {
  id: '',
  workspace_id: 0,
  approval_id: 0,
  approver: '',
  nonce: '',
  expires_at: new Date(0),
};

/**
 * The link of a token: `wrong` when the id is known and the proof is not its, null when the id is unknown. Nothing is
 * said here of whether it can still be used.
 */
export async function linkOf(
  pool: Pool,
  secrets: ServerSecrets,
  token: string,
  now: Date,
): Promise<{ readonly link: LinkRow; readonly wrong: boolean } | null> {
  const [, id = '', proof = ''] = tokenForm.exec(token) ?? [];
  const link = id === '' ? null : await linkById(pool, id, now);
  const given = Buffer.alloc(32);
  given.set(Buffer.from(proof, 'base64url').subarray(0, 32));
  const right = timingSafeEqual(given, proofOf(link ?? nobody, secrets));
  return link && { link, wrong: !right };
}

/** A link, of whatever workspace; `for update` holds it until the transaction ends. */
export async function linkById(
  db: Pool | PoolClient,
  id: string,
  now: Date,
  lock: '' | 'for update of l' = '',
): Promise<LinkRow | null> {
  const { rows } = await db.query<LinkRow>(
    `select l.id, l.workspace_id, l.approval_id, l.approver, l.nonce, l.made_by, l.key_id, l.expires_at,
            l.wrong_guesses, l.used_at, l.revoked_at, w.archived_at is not null as archived,
            coalesce(
              (select k.role from api_key k
                where k.id = l.key_id and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)),
              (select m.role from member m where m.id = l.key_id and m.removed_at is null)) as maker_role
       from approval_link l join workspace w on w.id = l.workspace_id where l.id = $1 ${lock}`,
    [id, now],
  );
  return rows[0] ?? null;
}

/** Whether whoever made a link could make it today: where the workspace, their key or their role is gone, it is too. */
export function isStillGood({ archived, key_id, maker_role: role, made_by, approver }: LinkRow): boolean {
  if (archived) return false;
  return key_id === null || role === 'admin' || (role === 'approver' && samePerson(made_by, approver));
}

/** Makes a link for one person, and ends an earlier one of theirs. The answer holds it, this once. */
export async function createLink(
  { db, clock, secrets }: Services,
  caller: Caller,
  id: number,
  body: BodyOf<typeof operations.createApprovalLink>,
  baseUrl: string,
): Promise<ApprovalLink | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  const { approver } = body;
  if (caller.role !== 'admin' && !samePerson(owner, approver)) {
    return refuse('forbidden', `\`${owner}\` can make links for themselves only; an admin makes one for somebody else`);
  }
  return withTransaction(db.pool, async (tx) => {
    const row = await approvalById(tx, workspaceId, id, 'for update');
    if (!row) return noApproval(id);
    const refused = linkRefused(row, caller, approver, now);
    if (refused) return refused;
    const open = await openLinks(tx, row, now);
    const earlier = open.filter((link) => samePerson(link.approver, approver));
    if (open.length - earlier.length >= maxOpenLinks) {
      return refuse('approval_links_full', `approval ${id} has ${maxOpenLinks} links that can be used; revoke some`);
    }
    await revoke(tx, earlier, now);
    const ends = now.getTime() + (body.expires_in_minutes ?? defaultMinutes) * minuteMs;
    const link: Proven = {
      id: randomBytes(12).toString('base64url'),
      workspace_id: workspaceId,
      approval_id: id,
      approver,
      nonce: randomBytes(24).toString('base64url'),
      expires_at: new Date(Math.min(ends, row.expires_at.getTime())),
    };
    await tx.query(
      `insert into approval_link (id, workspace_id, approval_id, approver, nonce, made_by, key_id, made_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [link.id, workspaceId, id, approver, link.nonce, owner, caller.keyId, now, link.expires_at],
    );
    const expires_at = link.expires_at.toISOString();
    const text = `a link for ${approver}, until ${expires_at}`;
    await addEntry(tx, { workspaceId, approvalId: id, type: 'link_made', by: owner, text, at: now });
    await recordLinks(tx, {
      workspaceId,
      approvalId: id,
      kind: 'link_made',
      by: owner,
      now,
      data: { approver, expires_at },
    });
    const url = `${baseUrl}/${linkPath}?token=${tokenOf(link, secrets)}`;
    return { approval_id: id, approver, url, made_by: owner, expires_at };
  });
}

/** Why this caller may make no link for that person: what refuses their vote refuses the link. */
function linkRefused(row: ApprovalRow, { owner, role }: Caller, approver: string, now: Date): Refusal | null {
  const change = approvalTransition(stateOf(row), { type: 'approve', by: approver }, now);
  if ('refused' in change) return refuse(change.refused, `approval ${row.id}: ${change.detail}`);
  if (role !== 'admin' || !row.four_eyes || !samePerson(owner, row.requested_by)) return null;
  return refuse(
    'self_approval',
    `approval ${row.id}: \`${owner}\` asked for it; with four eyes on somebody else makes links to it`,
  );
}

type OpenLink = Pick<LinkRow, 'id' | 'approver'>;

async function openLinks(tx: PoolClient, { id }: ApprovalRow, now: Date): Promise<OpenLink[]> {
  const { rows } = await tx.query<OpenLink>(
    `select id, approver from approval_link
      where approval_id = $1 and used_at is null and revoked_at is null and expires_at > $2 order by id for update`,
    [id, now],
  );
  return rows;
}

async function revoke(tx: PoolClient, links: readonly OpenLink[], now: Date): Promise<void> {
  await tx.query('update approval_link set revoked_at = $2 where id = any($1)', [links.map(({ id }) => id), now]);
}

interface RecordedLinks {
  readonly workspaceId: number;
  readonly approvalId: number;
  readonly kind: 'link_made' | 'link_revoked';
  readonly by: string;
  readonly now: Date;
  /** Never the link itself. */
  readonly data: Readonly<Record<string, unknown>>;
}

async function recordLinks(tx: PoolClient, { workspaceId, approvalId, kind, by, now, data }: RecordedLinks) {
  const subject = `approval/${approvalId}`;
  await recordChange(tx, { workspaceId, at: now, actor: by, kind: `approval.${kind}`, subject, data });
}

/** Ends the links of an approval that can still be used: all, those of one person, or an approver's own; how many. */
export async function revokeLinks(
  { db, clock }: Services,
  caller: Caller,
  id: number,
  approver: string | undefined,
): Promise<{ revoked: number } | Refusal> {
  const now = clock.now();
  const { workspaceId, owner, role } = caller;
  if (role !== 'admin' && approver !== undefined && !samePerson(owner, approver)) {
    return refuse('forbidden', `\`${owner}\` can revoke their own links only`);
  }
  const whose = role === 'admin' ? approver : owner;
  return withTransaction(db.pool, async (tx) => {
    const row = await approvalById(tx, workspaceId, id, 'for update');
    if (!row) return noApproval(id);
    const open = await openLinks(tx, row, now);
    const links = open.filter((link) => whose === undefined || samePerson(link.approver, whose));
    if (links.length > 0) {
      await revoke(tx, links, now);
      const approvers = links.map((link) => link.approver);
      await noteRevoked(tx, { workspaceId, approvalId: id, by: owner, approvers, reason: 'revoked', now });
    }
    return { revoked: links.length };
  });
}

interface Revoked {
  readonly workspaceId: number;
  readonly approvalId: number;
  readonly by: string;
  readonly approvers: readonly string[];
  readonly reason: string;
  readonly now: Date;
}

/** Puts links that were ended on the timeline and into the audit trail. */
export async function noteRevoked(tx: PoolClient, revoked: Revoked): Promise<void> {
  const { workspaceId, approvalId, by, approvers, reason, now } = revoked;
  const text = `${approvers.length === 1 ? 'the link' : 'the links'} for ${approvers.join(', ')}: ${reason}`;
  await addEntry(tx, { workspaceId, approvalId, type: 'link_revoked', by, text, at: now });
  await recordLinks(tx, { workspaceId, approvalId, kind: 'link_revoked', by, now, data: { approvers, reason } });
}
