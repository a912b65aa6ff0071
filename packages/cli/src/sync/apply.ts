import { canonicalJson } from '@policy-studio/engine';
import { type Approval, type PolicyStudioClient, ProblemError } from '@policy-studio/sdk';
import { bundleOfVersion } from '../commands/bundle-reference.js';
import { storeDraft } from '../commands/push.js';
import { serverMetadata } from './compare.js';
import { originKey } from './documents.js';
import type { PolicyFolder } from './folder.js';
import { type ItemKind, itemKey, itemKinds, type SyncItem } from './item.js';
import type { ServerState } from './server-state.js';

/** `waits`: people were asked, or are to be, and have not decided. `refused`: the server said no. */
export type StepState = 'created' | 'updated' | 'deleted' | 'waits' | 'refused';

export interface Step {
  readonly key: string;
  readonly state: StepState;
  readonly message: string;
  readonly approvalId: number | null;
}

export interface ApplyOptions {
  /** The commit that new drafts name. */
  readonly commit: string;
  /** Ask people where a list or a setting takes an approval, with this reason. Null: do not ask. */
  readonly justification: string | null;
}

interface Applying extends ApplyOptions {
  readonly client: PolicyStudioClient;
  readonly folder: PolicyFolder;
  readonly server: ServerState;
}

const done = { create: 'created', update: 'updated', delete: 'deleted' } as const;

/**
 * Makes the server what the plan says: agents, actions, lists, settings and bundles are written in this order, then
 * deletions in the plan's. What the server refuses of one thing does not keep the others from being done. Nothing comes into force by this but what
 * the server lets through without an approval.
 */
export async function applyItems(applying: Applying, items: readonly SyncItem[]): Promise<Step[]> {
  const steps: Step[] = [];
  const attempt = async (item: SyncItem, work: () => Promise<Step | null>): Promise<void> => {
    steps.push((await refusable(itemKey(item), work)) ?? plainStep(item));
  };
  const written = items.filter(({ state }) => state === 'create' || state === 'update');
  for (const kind of itemKinds) {
    const ofKind = written.filter((item) => item.kind === kind);
    if (kind === 'setting') steps.push(...(await applySettings(applying, ofKind)));
    else for (const item of ofKind) await attempt(item, () => write(applying, item));
  }
  for (const item of items.filter(({ state }) => state === 'delete')) {
    await attempt(item, () => remove(applying.client, item));
  }
  return steps;
}

function plainStep(item: SyncItem): Step {
  return { key: itemKey(item), state: done[item.state as keyof typeof done], message: '', approvalId: null };
}

/** What the server refuses of this one thing, as a step; what concerns everything (no access, no answer) is thrown. */
async function refusable<T>(key: string, work: () => Promise<T>): Promise<T | Step> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ProblemError) || ![403, 404, 409, 412, 413, 422].includes(error.status)) throw error;
    const { code, detail, errors } = error;
    if (code === 'second_person_needed') return { key, state: 'waits', message: detail, approvalId: null };
    const places = errors.slice(0, 5).map(({ path, message }) => `${path || '/'} ${message}`);
    const message = code === 'stale' ? 'somebody changed it meanwhile: plan again' : [detail, ...places].join('; ');
    return { key, state: 'refused', message, approvalId: null };
  }
}

async function write(applying: Applying, { kind, name }: SyncItem): Promise<Step | null> {
  const { client, folder } = applying;
  switch (kind) {
    case 'agent': {
      const entry = folder.catalog?.document.agents.get(name);
      await client.catalog.putCatalogAgent({ agent: name, ...entry } as Parameters<
        typeof client.catalog.putCatalogAgent
      >[0]);
      return null;
    }
    case 'action': {
      const entry = folder.catalog?.document.actions.get(name);
      await client.catalog.putCatalogAction({ action: name, ...entry } as Parameters<
        typeof client.catalog.putCatalogAction
      >[0]);
      return null;
    }
    case 'list':
      return writeList(applying, name);
    case 'bundle':
      return writeBundle(applying, name);
    default:
      throw new Error(`${kind} is not written by itself`);
  }
}

async function writeBundle({ client, folder, server, commit }: Applying, version: string): Promise<null> {
  const held = folder.bundles.find(({ document }) => document.version === version);
  if (held === undefined) throw new Error(`the plan names version ${version}, which the folder lacks`);
  const { source, notes, metadata } = held.document;
  const kept = server.bundles.get(version) ?? null;
  await storeDraft(
    client,
    {
      version,
      rules: source.rules as Record<string, unknown>[],
      notes,
      metadata: {
        ...(kept === null ? {} : serverMetadata(kept.bundle.metadata)),
        ...metadata,
        [originKey]: { commit, file: held.file.path },
      },
    },
    kept,
  );
  return null;
}

async function writeList(applying: Applying, name: string): Promise<Step | null> {
  const { client, folder, server } = applying;
  const document = folder.lists.get(name)?.document;
  if (document === undefined) throw new Error(`the plan names a list ${name}, which the folder lacks`);
  const { values, normalize, description, live, digest } = document;
  const change = { values: [...values], normalize };
  const isNew = !server.lists.has(name);
  const put = (approvalId: number | null) =>
    client.lists.putList({
      name,
      ...change,
      ...(description === undefined ? {} : { description }),
      ...(isNew && live !== undefined ? { live } : {}),
      ...(approvalId === null ? {} : { approval_id: approvalId }),
    });
  return withApproval(applying, {
    key: `list:${name}`,
    kind: 'list',
    put,
    isFor: ({ subject }) => subject.list === name && subject.digest === digest,
    ask: (justification) => client.approvals.createApproval({ kind: 'list', list: name, ...change, justification }),
  });
}

/** Settings one by one, and those that take an approval together, by one. */
async function applySettings(applying: Applying, items: readonly SyncItem[]): Promise<Step[]> {
  const { client, folder } = applying;
  const values = folder.settings?.document.values ?? new Map<string, unknown>();
  type Change = Parameters<typeof client.settings.putSettings>[0];
  const steps: Step[] = [];
  const guarded: SyncItem[] = [];
  for (const item of items) {
    const change = { [item.name]: values.get(item.name) } as Change;
    const step = await refusable(itemKey(item), async () => {
      try {
        await client.settings.putSettings(change);
        return plainStep(item);
      } catch (error) {
        if (!(error instanceof ProblemError) || error.code !== 'approval_required') throw error;
        return null;
      }
    });
    if (step === null) guarded.push(item);
    else steps.push(step);
  }
  if (guarded.length === 0) return steps;
  const together = Object.fromEntries(guarded.map(({ name }) => [name, values.get(name)]));
  const wanted = canonicalJson(together);
  const key = `setting:${guarded[0]?.name ?? ''}`;
  const outcome = await refusable(key, () =>
    withApproval(applying, {
      key,
      kind: 'settings',
      put: (approvalId) =>
        client.settings.putSettings({
          ...together,
          ...(approvalId === null ? {} : { approval_id: approvalId }),
        } as Change),
      isFor: ({ subject }) => canonicalJson(subject.settings) === wanted,
      ask: (justification) => client.approvals.createApproval({ kind: 'settings', settings: together, justification }),
    }),
  );
  return [
    ...steps,
    ...guarded.map((item) => (outcome === null ? plainStep(item) : { ...outcome, key: itemKey(item) })),
  ];
}

interface Guarded {
  readonly key: string;
  readonly kind: 'list' | 'settings';
  readonly put: (approvalId: number | null) => Promise<unknown>;
  /** Whether an approval is for exactly this change. */
  readonly isFor: (approval: Approval) => boolean;
  readonly ask: (justification: string) => Promise<Approval>;
}

/** Makes a change that may take an approval: with one that is there, else people are asked, once. Null: it is made. */
async function withApproval(
  { client, justification }: Applying,
  { key, kind, put, isFor, ask }: Guarded,
): Promise<Step | null> {
  try {
    await put(null);
    return null;
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code !== 'approval_required') throw error;
  }
  for (const approval of await approvalsOf(client, { kind, status: 'approved' })) {
    if (!isFor(approval)) continue;
    try {
      await put(approval.id);
      return null;
    } catch (error) {
      // Approved for what the server held then, or too long ago.
      if (
        !(error instanceof ProblemError) ||
        !['approval_mismatch', 'approval_expired', 'approval_used'].includes(error.code)
      ) {
        throw error;
      }
    }
  }
  const pending = (await approvalsOf(client, { kind, status: 'pending' })).find(isFor);
  if (pending !== undefined) return waiting(key, pending);
  if (justification !== null) return waiting(key, await ask(justification));
  const message = 'takes an approval: apply with --request-approval --justification <text> to ask for it';
  return { key, state: 'refused', message, approvalId: null };
}

export function waiting(key: string, { id, waits_for: missing }: Approval): Step {
  const what = missing.length === 0 ? '' : ` (${missing.join(', and ')})`;
  return { key, state: 'waits', message: `waits for approval ${id}${what}`, approvalId: id };
}

/** Newest first, at most 200. */
export async function approvalsOf(
  client: PolicyStudioClient,
  which: { readonly kind: Approval['kind']; readonly status: Approval['status']; readonly bundle_id?: number },
): Promise<readonly Approval[]> {
  return (await client.approvals.listApprovals({ ...which, limit: 200 })).approvals;
}

async function remove(client: PolicyStudioClient, { kind, name }: SyncItem): Promise<null> {
  const removers: Readonly<Partial<Record<ItemKind, () => Promise<unknown>>>> = {
    agent: () => client.catalog.deleteCatalogAgent({ agent: name }),
    action: () => client.catalog.deleteCatalogAction({ action: name }),
    list: () => client.lists.deleteList({ name }),
    bundle: async () => {
      const kept = await bundleOfVersion(client, name);
      if (kept === null) return;
      const condition = kept.etag === null ? {} : { 'if-match': kept.etag };
      await client.bundles.deleteBundle({ id: kept.bundle.id, ...condition });
    },
  };
  await removers[kind]?.();
  return null;
}
