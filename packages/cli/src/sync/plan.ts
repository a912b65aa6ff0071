import { defaultCatalog, hint, sameJson } from '@policy-studio/engine';
import type { PolicyStudioClient } from '@policy-studio/sdk';
import { CommandFailure, exitCodes } from '../exit-code.js';
import { findingsText, type Shown } from '../findings-text.js';
import type { Terminal } from '../output.js';
import {
  bundleDifference,
  changedBy,
  entryDifference,
  listDifference,
  sameBundle,
  sameList,
  sameSetting,
  serverAction,
  serverAgent,
  settingDifference,
} from './compare.js';
import {
  actionEntry,
  agentEntry,
  type BundleDocument,
  type CatalogEntry,
  type ListDocument,
  readBundleDocument,
  readListDocument,
  readSettingsDocument,
  type SettingsDocument,
} from './documents.js';
import type { PolicyFolder } from './folder.js';
import { type GitHistory, pastDocuments, wasHeld } from './git-history.js';
import { goneItems } from './gone.js';
import { type ItemKind, itemKey, type SyncItem } from './item.js';
import { type PastCatalog, pastCatalog } from './past-catalog.js';
import { type ServerState, settingsChanged } from './server-state.js';

export interface PlanOptions {
  /** Delete what the folder held once and holds no more. */
  readonly prune: boolean;
  /** Keys of things whose state on the server may be lost. */
  readonly overwrite: readonly string[];
}

interface Planning extends PlanOptions {
  readonly client: PolicyStudioClient;
  readonly folder: PolicyFolder;
  readonly server: ServerState;
  readonly history: GitHistory | null;
  readonly past: PastCatalog;
}

/**
 * How each thing of the folder stands to the server: agents, actions, lists, settings, then bundles by version; then what
 * the folder held once and the server still does. The same folder, history and server always give the same plan.
 */
export async function planItems(given: Omit<Planning, 'past'>, terminal: Terminal): Promise<SyncItem[]> {
  const { overwrite, folder, history } = given;
  const past = await pastCatalog(folder.catalog === null ? null : history, folder.catalog?.file.path ?? '');
  const planning = { ...given, past };
  const items = [
    ...(await catalogItems(planning)),
    ...(await listItems(planning)),
    ...(await settingItems(planning, terminal)),
    ...(await bundleItems(planning)),
    ...(await goneItems(planning)),
  ];
  const known = items.map(itemKey);
  const unknown = overwrite.find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new CommandFailure(
      `--overwrite ${unknown}: the folder has no such thing${hint(unknown, known)}`,
      exitCodes.usage,
    );
  }
  return items;
}

type Verdict = Pick<SyncItem, 'state' | 'message'>;

const same: Verdict = { state: 'same', message: '' };

/** What differs is the folder's to change, if the folder once held what the server has; else somebody changed it there. */
async function verdict(
  planning: Planning,
  item: { readonly kind: ItemKind; readonly name: string; readonly difference: string; readonly by: string | null },
  held: () => Promise<boolean>,
): Promise<Verdict> {
  const key = itemKey(item);
  if (planning.overwrite.includes(key) || (await held())) return { state: 'update', message: item.difference };
  const who = item.by === null ? '' : ` (${item.by})`;
  return { state: 'conflict', message: `${item.difference}. ${whyUnknown(planning.history, who)}: ${whatToDo(key)}` };
}

function whyUnknown(history: GitHistory | null, who: string): string {
  if (history === null) return `The folder is in no Git repository, so it is not known who is ahead${who}`;
  const shallow = history.shallow
    ? ' (only a part of the history is here: fetch all of it, in GitHub Actions with `fetch-depth: 0`)'
    : '';
  return `No commit of the folder held what is on the server${who}${shallow}`;
}

function whatToDo(key: string): string {
  return `take it into the folder with \`policy-studio sync pull\`, or lose it with --overwrite ${key}`;
}

async function catalogItems(planning: Planning): Promise<SyncItem[]> {
  const { folder, server, past } = planning;
  if (folder.catalog === null) return [];
  const { file, document } = folder.catalog;
  const agents = new Map(server.catalog.agents.map((agent) => [agent.agent, agent]));
  const actions = new Map(server.catalog.actions.map((action) => [action.action, serverAction(action)]));
  const item = async (
    kind: 'agent' | 'action',
    name: string,
    wanted: CatalogEntry,
    there: CatalogEntry | null,
    index: number,
  ): Promise<SyncItem> => {
    const base = { kind, name, file: file.path, place: document.locate([`${kind}s`, index]) };
    if (there === null) return { ...base, state: 'create', message: '' };
    if (sameJson(wanted, there)) return { ...base, ...same };
    const difference = entryDifference(wanted, there);
    const held = async () =>
      sameJson(initialEntry(kind, name), there) || (past[kind].get(name) ?? []).some((form) => sameJson(form, there));
    return { ...base, ...(await verdict(planning, { kind, name, difference, by: null }, held)) };
  };
  const items: SyncItem[] = [];
  for (const [index, [name, wanted]] of [...document.agents].entries()) {
    const there = agents.get(name);
    items.push(await item('agent', name, wanted, there === undefined ? null : serverAgent(there, wanted), index));
  }
  for (const [index, [name, wanted]] of [...document.actions].entries()) {
    items.push(await item('action', name, wanted, actions.get(name) ?? null, index));
  }
  return items;
}

/** The entry of the catalog that a workspace begins with: nobody made it. */
function initialEntry(kind: 'agent' | 'action', name: string): CatalogEntry | undefined {
  if (kind === 'agent') {
    const agent = defaultCatalog.agents.find((each) => each.agent === name);
    return agent && agentEntry(agent, false);
  }
  const action = defaultCatalog.actions.find((each) => each.action === name);
  return action && actionEntry(action);
}

async function listItems(planning: Planning): Promise<SyncItem[]> {
  const { folder, server, history } = planning;
  const items: SyncItem[] = [];
  for (const [name, { file, document }] of folder.lists) {
    const base = { kind: 'list' as const, name, file: file.path, place: null };
    const there = server.lists.get(name);
    if (there === undefined) items.push({ ...base, state: 'create', message: '' });
    else if (document.live !== undefined && document.live !== there.live) {
      const is = there.live ? 'is' : 'is not';
      const message = `\`live\` never changes, and the list ${is} live on the server: write \`live: ${there.live}\`, or give the new list a name of its own`;
      items.push({ ...base, state: 'conflict', message });
    } else if (sameList(document, there)) items.push({ ...base, ...same });
    else {
      const difference = listDifference(document, there);
      const held = () => wasHeld<ListDocument>(history, file.path, readListDocument, (past) => sameList(past, there));
      const by = changedBy(there);
      items.push({ ...base, ...(await verdict(planning, { kind: 'list', name, difference, by }, held)) });
    }
  }
  return items;
}

async function settingItems(planning: Planning, terminal: Terminal): Promise<SyncItem[]> {
  const { folder, server, history, client } = planning;
  if (folder.settings === null) return [];
  const { file, document } = folder.settings;
  const there = server.settings as Readonly<Record<string, unknown>>;
  const unknown = [...document.values.keys()].filter((name) => !Object.hasOwn(there, name));
  if (unknown.length > 0) {
    const faults = unknown.map((name): Shown => {
      const message = `there is no setting \`${name}\`${hint(name, Object.keys(there))}`;
      return { code: 'validation_failed', message, ...(document.locate([name]) ?? {}) };
    });
    throw new CommandFailure(findingsText(file, faults, terminal.err.style), exitCodes.findings);
  }
  const differing = [...document.values].filter(([name, wanted]) => !sameSetting(name, wanted, there[name]));
  const held = new Map(differing.map(([name]) => [name, false]));
  for await (const { values } of pastDocuments<SettingsDocument>(
    differing.length === 0 ? null : history,
    file.path,
    readSettingsDocument,
  )) {
    for (const name of held.keys()) {
      if (values.has(name) && sameSetting(name, values.get(name), there[name])) held.set(name, true);
    }
  }
  const open = differing.map(([name]) => name).filter((name) => held.get(name) !== true);
  // What nobody ever changed is as the server came, so that nothing is lost.
  const changed = open.length === 0 ? null : await settingsChanged(client, open);
  const items: SyncItem[] = [];
  for (const [name, wanted] of document.values) {
    const base = { kind: 'setting' as const, name, file: file.path, place: document.locate([name]) };
    if (!held.has(name)) {
      items.push({ ...base, ...same });
      continue;
    }
    const untouched = changed?.all === true && !changed.by.has(name);
    const difference = settingDifference(name, wanted, there[name]);
    const by = changed?.by.get(name) ?? null;
    const fact = async () => held.get(name) === true || untouched;
    items.push({ ...base, ...(await verdict(planning, { kind: 'setting', name, difference, by }, fact)) });
  }
  return items;
}

async function bundleItems(planning: Planning): Promise<SyncItem[]> {
  const { folder, server, history } = planning;
  const items: SyncItem[] = [];
  for (const { file, document } of folder.bundles) {
    const { version: name } = document;
    const base = { kind: 'bundle' as const, name, file: file.path, place: null };
    const bundle = server.bundles.get(name)?.bundle;
    if (bundle === undefined) items.push({ ...base, state: 'create', message: '' });
    else if (bundle.status === 'draft' ? sameBundle(document, bundle) : document.digest === bundle.digest) {
      items.push({ ...base, ...same });
    } else if (bundle.status !== 'draft') {
      const difference = bundleDifference(document, bundle);
      const message = `${difference}. ${name} is ${bundle.status.replace('_', ' ')} on the server and cannot change any more: raise \`version\``;
      items.push({ ...base, state: 'conflict', message });
    } else {
      const difference = bundleDifference(document, bundle);
      const held = () =>
        wasHeld<BundleDocument>(
          history,
          file.path,
          readBundleDocument,
          (past) => past.version === name && sameBundle(past, bundle),
        );
      items.push({ ...base, ...(await verdict(planning, { kind: 'bundle', name, difference, by: null }, held)) });
    }
  }
  return items;
}
