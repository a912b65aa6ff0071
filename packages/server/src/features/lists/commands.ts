import type { BodyOf, NamedListDocument, operations } from '@policy-studio/contract';
import type { Normalize } from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement, useApproval } from '../approvals/transaction.js';
import {
  bundleInForce,
  bundleInvalid,
  isListInForce,
  proofHolds,
  provenStricter,
  rulesText,
  type StricterProof,
} from '../bundles/queries.js';
import { bundlePinAt } from '../emergency/queries.js';
import { recordChange } from '../events/transaction.js';
import { listsFor } from '../lint/queries.js';
import { settingsOf } from '../settings/queries.js';
import { currentLists, engineLists, listDocument, listSubject } from './queries.js';
import { canonicalValues, listDigest, type Scalar, valueFault } from './values.js';

interface StoredList {
  readonly version: number;
  readonly live: boolean;
  readonly description: string;
  readonly deleted: boolean;
  readonly digest: string;
  readonly normalize: Normalize | null;
}

/** A list as it is to be. */
interface Proposal {
  readonly name: string;
  readonly values: readonly Scalar[];
  readonly normalize: Normalize | null;
  readonly digest: string;
}

/**
 * Creates a list, or replaces its values; without `normalize` and `description` those stay. What the bundle in force reads
 * takes an approval when four eyes is on, unless the list was created live. Returns when this server decides by it.
 */
export async function putList(
  services: Services,
  caller: Caller,
  name: string,
  body: BodyOf<typeof operations.putList>,
): Promise<NamedListDocument | Refusal> {
  const fault = valueFault(body.values);
  if (fault) return invalid([{ path: `/values/${fault.index}`, message: fault.message }]);
  const values = canonicalValues(body.values);
  const now = services.clock.now();
  const proof = body.approval_id === undefined ? await stricterList(services, caller.workspaceId, name, body) : null;
  const outcome = await withTransaction(services.db.pool, async (tx) => {
    await lockEnforcement(tx, caller.workspaceId);
    const stored = await storedList(tx, caller.workspaceId, name);
    const current = stored?.deleted ? null : stored;
    if (current && body.live !== undefined && body.live !== current.live) {
      return invalid([
        { path: '/live', message: `is settled when a list is created; \`${name}\` has ${current.live}` },
      ]);
    }
    const normalize = body.normalize === undefined ? (current?.normalize ?? null) : body.normalize;
    const proposal = { name, values, normalize, digest: listDigest(values, normalize) };
    const changes = proposal.digest !== current?.digest;
    const enforced = changes && current !== null && (await isListInForce(tx, caller.workspaceId, name));
    if (enforced) {
      const change = { caller, live: current.live, proposal, approvalId: body.approval_id, proof, now };
      const refused = await enforcedChangeRefused(tx, services, change);
      if (refused) return refused;
    }
    const target = {
      live: current?.live ?? body.live ?? false,
      description: body.description ?? current?.description ?? '',
      version: (stored?.version ?? 0) + (proposal.digest === stored?.digest ? 0 : 1),
    };
    const same = current !== null && !changes && target.description === current.description;
    const generation = same ? null : await write(tx, { caller, stored, proposal, target, enforced, now });
    return { list: (await listDocument(tx, caller.workspaceId, name)) as NamedListDocument, generation };
  });
  if (outcome instanceof Refusal) return outcome;
  if (outcome.generation !== null) await services.enforcement.reach(caller.workspaceId, outcome.generation);
  return outcome.list;
}

/** The proof that a list as it is to be lets agents do nothing more, where its change would take a second person. */
async function stricterList(
  services: Services,
  workspaceId: number,
  name: string,
  { values, normalize }: BodyOf<typeof operations.putList>,
): Promise<StricterProof | null> {
  const { pool } = services.db;
  const current = (await currentLists(pool, workspaceId, [name])).get(name);
  if (!current || current.live || !(await isListInForce(pool, workspaceId, name))) return null;
  const settings = await settingsOf(pool, services.config, workspaceId);
  if (!settings.four_eyes) return null;
  const proposed = { values, normalize: normalize === undefined ? current.normalize : normalize };
  return provenStricter(services, workspaceId, { lists: JSON.stringify(engineLists([[name, proposed]])) });
}

async function storedList(tx: PoolClient, workspaceId: number, name: string): Promise<StoredList | null> {
  const { rows } = await tx.query<StoredList>(
    `select version, l.live, l.description, l.deleted, v.digest, v.normalize
       from named_list l join named_list_version v using (workspace_id, name, version)
      where workspace_id = $1 and name = $2`,
    [workspaceId, name],
  );
  return rows[0] ?? null;
}

interface EnforcedChange {
  readonly caller: Caller;
  readonly live: boolean;
  readonly proposal: Proposal;
  readonly approvalId: number | undefined;
  readonly proof: StricterProof | null;
  readonly now: Date;
}

/** Why a list that decides may not change like this: the bundle in force would not compile, or nobody approved it. */
async function enforcedChangeRefused(
  tx: PoolClient,
  { config, compute }: Services,
  { caller, live, proposal, approvalId, proof, now }: EnforcedChange,
): Promise<Refusal | null> {
  const { workspaceId } = caller;
  const { name, values, normalize } = proposal;
  const lists = JSON.stringify(engineLists([[name, { values, normalize }]]));
  const onAsk = listsFor(tx, workspaceId);
  for (const [id, { rules }] of await decidingRules(tx, workspaceId, now)) {
    const broken = await compute.run('compile-faults', { rules, lists }, { share: workspaceId, onAsk });
    if (broken instanceof Refusal) return broken;
    if (broken.length > 0) return bundleInvalid(`with these values bundle ${id}, which is in force,`, broken);
  }
  const settings = await settingsOf(tx, config, workspaceId);
  if (live || !settings.four_eyes) return null;
  if (proof !== null && (await proofHolds(tx, workspaceId, proof))) return null;
  if (approvalId === undefined) {
    return refuse(
      'approval_required',
      `the bundle in force reads \`${proposal.name}\`; ask with POST /policy/approvals (kind \`list\`) and name the approval in \`approval_id\``,
    );
  }
  const current = (await currentLists(tx, workspaceId, [proposal.name])).get(proposal.name) ?? null;
  const used = await useApproval(tx, {
    workspaceId,
    approvalId,
    kind: 'list',
    subject: listSubject(current, proposal),
    fourEyes: true,
    now,
    actor: caller.owner,
  });
  return used instanceof Refusal ? used : null;
}

/** The rules of what decides: the bundle in force, and the one that is pinned. */
async function decidingRules(tx: PoolClient, workspaceId: number, now: Date): ReturnType<typeof rulesText> {
  const inForce = await bundleInForce(tx, workspaceId);
  const pin = await bundlePinAt(tx, workspaceId, now);
  return rulesText(
    tx,
    workspaceId,
    [inForce?.id, pin?.bundle.id].filter((id) => id !== undefined),
  );
}

interface Write {
  readonly caller: Caller;
  readonly stored: StoredList | null;
  readonly proposal: Proposal;
  readonly target: { readonly live: boolean; readonly description: string; readonly version: number };
  readonly enforced: boolean;
  readonly now: Date;
}

/** Writes the list and the event; the generation when decisions may come out differently. */
async function write(
  tx: PoolClient,
  { caller, stored, proposal, target, enforced, now }: Write,
): Promise<number | null> {
  const { workspaceId, owner: actor } = caller;
  const { name, values, normalize, digest } = proposal;
  await tx.query(
    `insert into named_list (workspace_id, name, version, live, description) values ($1, $2, $3, $4, $5)
     on conflict (workspace_id, name) do update
       set version = excluded.version, live = excluded.live, description = excluded.description, deleted = false`,
    [workspaceId, name, target.version, target.live, target.description],
  );
  if (target.version !== stored?.version) {
    await tx.query(
      `insert into named_list_version (workspace_id, name, version, "values", size, normalize, digest, created_by, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [workspaceId, name, target.version, JSON.stringify(values), values.length, normalize, digest, actor, now],
    );
  }
  const created = stored === null || stored.deleted;
  const { generation } = await recordChange(tx, {
    workspaceId,
    at: now,
    actor,
    kind: created ? 'list.created' : 'list.changed',
    subject: `list/${name}`,
    data: { version: target.version, digest, size: values.length, normalize, live: target.live },
    enforcement: enforced,
  });
  return enforced ? generation : null;
}

/** Deletes a list that no bundle in force reads. Its versions stay, for recorded decisions name them. */
export async function deleteList({ db, clock }: Services, caller: Caller, name: string): Promise<Refusal | undefined> {
  const now = clock.now();
  const { workspaceId } = caller;
  return withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, workspaceId);
    const stored = await storedList(tx, workspaceId, name);
    if (!stored || stored.deleted) return noList(name);
    if (await isListInForce(tx, workspaceId, name)) {
      return refuse('list_in_use', `the bundle in force reads \`${name}\`; activate one that does not first`);
    }
    await tx.query('update named_list set deleted = true where workspace_id = $1 and name = $2', [workspaceId, name]);
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: caller.owner,
      kind: 'list.deleted',
      subject: `list/${name}`,
      data: { version: stored.version, digest: stored.digest },
    });
    return undefined;
  });
}

export function noList(name: string): Refusal {
  return refuse('not_found', `there is no list \`${name}\`; see GET /policy/lists`);
}
