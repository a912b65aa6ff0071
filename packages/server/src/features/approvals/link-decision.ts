import { operations } from '@policy-studio/contract';
import { withTransaction } from '../../database/connection.js';
import { asSystem, inWorkspace } from '../../database/scope.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { type ChangedRules, changedRules } from './changed-rules.js';
import { isStillGood, type LinkRow, linkById, linkOf, noteRevoked } from './links.js';
import { type ApprovalRow, approvalById } from './queries.js';
import { stateOf } from './status.js';
import { approvalTransition } from './transition.js';
import { decide } from './vote.js';

/** Wrong proofs of one link after which it is ended: whoever knows its id has seen it, and does not have it. */
const maxWrongGuesses = 10;

/** What somebody finds who opens a link. */
export type Opened =
  /** To be decided: `refused` says why not by this person, else null. */
  | {
      readonly kind: 'open';
      readonly link: LinkRow;
      readonly row: ApprovalRow;
      readonly refused: Refusal | null;
      /** Of an activation whose bundle is there. */
      readonly changes: ChangedRules | null;
    }
  | { readonly kind: 'ended'; readonly why: Ended }
  | { readonly kind: 'unknown' }
  /** Too many wrong guesses came from this address; seconds until the next is looked at. */
  | { readonly kind: 'locked'; readonly retryAfter: number };

export type Ended = 'used' | 'revoked' | 'expired';

/** Looks at a link and changes nothing. */
export async function openLink(services: Services, token: string, address: string): Promise<Opened> {
  const found = await proven(services, token, address);
  if ('kind' in found) return found;
  const { clock, db } = services;
  return inWorkspace(found.workspace_id, async () => {
    const now = clock.now();
    const row = (await approvalById(db.pool, found.workspace_id, found.approval_id)) as ApprovalRow;
    const why = endedAt(found, now);
    if (why) return { kind: 'ended', why };
    const { bundle_id: bundleId } = row;
    const changes = bundleId === null ? null : await changedRules(db.pool, found.workspace_id, bundleId);
    return { kind: 'open', link: found, row, refused: refusalOf(row, found, now), changes };
  });
}

export type ByLink = Exclude<Opened, { kind: 'open' }> | { readonly kind: 'refused'; readonly refusal: Refusal } | Done;

interface Done {
  readonly kind: 'done';
  readonly link: LinkRow;
  readonly verdict: 'approve' | 'reject';
  /** As it is now. */
  readonly row: ApprovalRow;
}

/** Decides as the person the link is for. It serves once: of two at the same moment one finds it used. */
export async function decideByLink(
  services: Services,
  token: string,
  address: string,
  { verdict, comment }: { readonly verdict: 'approve' | 'reject'; readonly comment: string },
): Promise<ByLink> {
  const found = await proven(services, token, address);
  if ('kind' in found) return found;
  const { clock, db, standings } = services;
  const workspaceId = found.workspace_id;
  // What is read-only for who has a key is so for who has a link.
  const stopped = standings.refusal(workspaceId, operations[verdict], { comment });
  if (stopped) return { kind: 'refused', refusal: stopped };
  return inWorkspace(workspaceId, () =>
    withTransaction(db.pool, async (tx): Promise<ByLink> => {
      const now = clock.now();
      // The approval first, as everywhere: whoever decides it ends its links.
      const row = (await approvalById(tx, workspaceId, found.approval_id, 'for update')) as ApprovalRow;
      const link = (await linkById(tx, found.id, now, 'for update of l')) as LinkRow;
      const why = endedAt(link, now);
      if (why) return { kind: 'ended', why };
      await tx.query('update approval_link set used_at = $2 where id = $1', [link.id, now]);
      const command = { type: verdict, by: link.approver };
      const refusal = await decide(tx, { workspaceId, row, command, comment, linkMadeBy: link.made_by, now });
      if (refusal) {
        // What was refused leaves it unused.
        await tx.query('update approval_link set used_at = null where id = $1', [link.id]);
        return { kind: 'refused', refusal };
      }
      return { kind: 'done', link, verdict, row: (await approvalById(tx, workspaceId, row.id)) as ApprovalRow };
    }),
  );
}

/** The link that a token proves; a wrong one is counted against the address, and against the link it names. */
async function proven(
  services: Services,
  token: string,
  address: string,
): Promise<LinkRow | Extract<Opened, { kind: 'unknown' | 'locked' }>> {
  const { db, secrets, linkGuesses, clock } = services;
  const now = clock.now();
  const retryAfter = linkGuesses.retryAfter(address, now.getTime());
  if (retryAfter > 0) return { kind: 'locked', retryAfter };
  const found = await asSystem(() => linkOf(db.pool, secrets, token, now));
  if (found && !found.wrong) return found.link;
  linkGuesses.count(address, now.getTime());
  if (found) await countGuess(services, found.link);
  return { kind: 'unknown' };
}

async function countGuess({ db, clock }: Services, { id, workspace_id: workspaceId, approval_id }: LinkRow) {
  const now = clock.now();
  await inWorkspace(workspaceId, () =>
    withTransaction(db.pool, async (tx) => {
      await tx.query('select 1 from approval where id = $1 for update', [approval_id]);
      const { rows } = await tx.query<{ approver: string; wrong_guesses: number }>(
        `update approval_link
            set wrong_guesses = wrong_guesses + 1,
                revoked_at = case when wrong_guesses + 1 >= $2 then $3::timestamptz end
          where id = $1 and used_at is null and revoked_at is null returning approver, wrong_guesses`,
        [id, maxWrongGuesses, now],
      );
      const [link] = rows;
      if (!link || link.wrong_guesses < maxWrongGuesses) return;
      const reason = 'somebody tried to guess it';
      const approvers = [link.approver];
      await noteRevoked(tx, { workspaceId, approvalId: approval_id, by: 'system', approvers, reason, now });
    }),
  );
}

function endedAt(link: LinkRow, now: Date): Ended | null {
  if (link.used_at !== null) return 'used';
  if (link.revoked_at !== null || !isStillGood(link)) return 'revoked';
  return link.expires_at <= now ? 'expired' : null;
}

function refusalOf(row: ApprovalRow, { approver }: LinkRow, now: Date): Refusal | null {
  const change = approvalTransition(stateOf(row), { type: 'approve', by: approver }, now);
  return 'refused' in change ? refuse(change.refused, change.detail) : null;
}
