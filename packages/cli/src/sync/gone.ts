import { sameJson } from '@policy-studio/engine';
import type { Bundle, PolicyStudioClient } from '@policy-studio/sdk';
import { sameBundle, sameList, serverAction, serverAgent } from './compare.js';
import {
  type BundleDocument,
  type CatalogEntry,
  isRecord,
  type ListDocument,
  originKey,
  readBundleDocument,
  readListDocument,
} from './documents.js';
import { listNameOf, listsFolder, type PolicyFolder } from './folder.js';
import { type GitHistory, wasHeld } from './git-history.js';
import type { SyncItem } from './item.js';
import type { PastCatalog } from './past-catalog.js';
import type { ServerState } from './server-state.js';

interface Searched {
  readonly client: PolicyStudioClient;
  readonly folder: PolicyFolder;
  readonly server: ServerState;
  readonly history: GitHistory | null;
  readonly past: PastCatalog;
  readonly prune: boolean;
}

type Gone = Pick<SyncItem, 'kind' | 'name' | 'file'>;

const keptHere = 'is not in the folder any more; --prune deletes it';
const changedSince = 'is not in the folder any more, but was changed on the server since, so it stays: delete it there';

/**
 * What a commit of the folder held, the folder does not any more, and the server still does: bundles that are drafts,
 * lists, then actions before the agents that they may be kept for. What Git never held is nobody's business here. Drafts
 * are looked for with `prune` only, since all bundles have to be read for it.
 */
export async function goneItems(searched: Searched): Promise<SyncItem[]> {
  if (searched.history === null) return [];
  return [
    ...(searched.prune ? await goneDrafts(searched, searched.history) : []),
    ...(await goneLists(searched, searched.history)),
    ...goneEntries(searched, 'action'),
    ...goneEntries(searched, 'agent'),
  ];
}

function found(gone: Gone, unchanged: boolean, prune: boolean): SyncItem {
  if (!unchanged) return { ...gone, place: null, state: 'gone', message: changedSince };
  return prune
    ? { ...gone, place: null, state: 'delete', message: 'is not in the folder any more' }
    : { ...gone, place: null, state: 'gone', message: keptHere };
}

async function goneDrafts({ client, folder, prune }: Searched, history: GitHistory): Promise<SyncItem[]> {
  const versions = new Set(folder.bundles.map(({ document }) => document.version));
  const items: SyncItem[] = [];
  for (const draft of await draftsOf(client)) {
    const file = originOf(draft);
    if (file === null || versions.has(draft.version)) continue;
    const unchanged = await wasHeld<BundleDocument>(
      history,
      file,
      readBundleDocument,
      (past) => past.version === draft.version && sameBundle(past, draft),
    );
    items.push(found({ kind: 'bundle', name: draft.version, file }, unchanged, prune));
  }
  return items;
}

/** All drafts of the server, newest first. */
async function draftsOf(client: PolicyStudioClient): Promise<Bundle[]> {
  const drafts: Bundle[] = [];
  for (let offset = 0; ; ) {
    const page = await client.bundles.listBundles({ limit: 100, offset });
    drafts.push(...page.bundles.filter(({ status }) => status === 'draft'));
    offset += page.limit;
    if (page.bundles.length === 0 || offset >= page.total) return drafts;
  }
}

/** The file that a draft says it came from; null when `sync` did not make it. */
function originOf({ metadata }: Bundle): string | null {
  const origin = metadata[originKey];
  const file = isRecord(origin) ? origin.file : null;
  return typeof file === 'string' && file !== '' ? file : null;
}

async function goneLists({ folder, server, prune }: Searched, history: GitHistory): Promise<SyncItem[]> {
  const items: SyncItem[] = [];
  for (const file of await history.deleted([listsFolder])) {
    const name = listNameOf(file);
    const there = name === null ? undefined : server.lists.get(name);
    if (name === null || there === undefined || folder.lists.has(name)) continue;
    if (items.some((item) => item.name === name)) continue;
    const unchanged = await wasHeld<ListDocument>(history, file, readListDocument, (past) => sameList(past, there));
    items.push(found({ kind: 'list', name, file }, unchanged, prune));
  }
  return items;
}

function goneEntries({ folder, server, past, prune }: Searched, kind: 'agent' | 'action'): SyncItem[] {
  if (folder.catalog === null) return [];
  const { file, document } = folder.catalog;
  const here = kind === 'agent' ? document.agents : document.actions;
  const there =
    kind === 'agent'
      ? server.catalog.agents.map((agent) => ({
          name: agent.agent,
          as: (form: CatalogEntry) => serverAgent(agent, form),
        }))
      : server.catalog.actions.map((action) => ({ name: action.action, as: () => serverAction(action) }));
  return there.flatMap(({ name, as }) => {
    const forms = past[kind].get(name);
    if (forms === undefined || here.has(name)) return [];
    const unchanged = forms.some((form) => sameJson(form, as(form)));
    return [found({ kind, name, file: file.path }, unchanged, prune)];
  });
}
