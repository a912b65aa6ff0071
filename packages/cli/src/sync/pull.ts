import { canonicalRule, formatSource, type RuleInput, rewriteSource, sameJson } from '@policy-studio/engine';
import type { Bundle, PolicyStudioClient } from '@policy-studio/sdk';
import { ownMetadata } from './compare.js';
import { type BundleDocument, type FolderFile, isRecord, type ListDocument, read } from './documents.js';
import { bundlesFolder, compareVersions, type Held, listsFolder, type PolicyFolder } from './folder.js';
import type { InForce } from './in-force.js';
import { itemKey, type SyncItem } from './item.js';
import type { ServerCatalog, ServerState } from './server-state.js';

/** A file to be written, and what of the server it takes up. */
export interface FolderWrite {
  /** In the folder, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly isNew: boolean;
  readonly keys: readonly string[];
}

export interface PullPlan {
  readonly writes: readonly FolderWrite[];
  /** What a person has to settle, each as a sentence. */
  readonly left: readonly string[];
}

interface Pulling {
  readonly client: PolicyStudioClient;
  readonly folder: PolicyFolder;
  readonly server: ServerState;
  readonly items: readonly SyncItem[];
  readonly inForce: InForce;
  /** Also what the folder does not speak of: lists, agents and actions. */
  readonly all: boolean;
}

/**
 * What to write so that the folder holds what was changed on the server and never was in the folder, and what is in
 * force. Where the folder is ahead, it stays. Comments stay.
 */
export async function planPull(pulling: Pulling): Promise<PullPlan> {
  const left: string[] = [];
  const writes = [
    ...pullBundles(pulling, left),
    ...(await pullLists(pulling, left)),
    ...pullCatalog(pulling),
    ...pullSettings(pulling),
  ];
  return { writes, left };
}

function conflictNames({ items }: Pulling, kind: SyncItem['kind']): Set<string> {
  return new Set(items.filter((item) => item.kind === kind && item.state === 'conflict').map(({ name }) => name));
}

function rewritten(file: FolderFile, value: unknown, keys: readonly string[]): FolderWrite[] {
  const text = rewriteSource(file.text, file.format, value);
  return text === file.text ? [] : [{ path: file.path, text, isNew: false, keys }];
}

function pullBundles(pulling: Pulling, left: string[]): FolderWrite[] {
  const { folder, server, inForce, items } = pulling;
  const conflicts = conflictNames(pulling, 'bundle');
  const writes: FolderWrite[] = [];
  for (const held of folder.bundles.filter(({ document }) => conflicts.has(document.version))) {
    const { version } = held.document;
    const bundle = server.bundles.get(version)?.bundle;
    if (bundle?.status === 'draft') {
      writes.push(...rewritten(held.file, bundleValue(bundle, held), [`bundle:${version}`]));
    } else left.push(items.find((item) => itemKey(item) === `bundle:${version}`)?.message ?? '');
  }
  const bundle = server.inForce;
  const isLacking = inForce.state === 'foreign' || inForce.state === 'none' || inForce.state === 'rolled_back';
  if (bundle === null || !isLacking || folder.bundles.some(({ document }) => document.version === bundle.version)) {
    return writes;
  }
  const target = fileToReplace(pulling, bundle);
  const keys = [`bundle:${bundle.version}`];
  if (target !== null) return [...writes, ...rewritten(target.file, bundleValue(bundle, target), keys)];
  const text = rewriteSource('', 'yaml', bundleValue(bundle, null));
  const formatted = formatSource(text, 'yaml');
  const path = `${bundlesFolder}/${bundle.version}.yaml`;
  return [...writes, { path, text: Array.isArray(formatted) ? text : formatted, isNew: true, keys }];
}

/** The one bundle file of a folder that keeps its newest bundle in it, if nothing in it waits to get to the server. */
function fileToReplace({ folder, items }: Pulling, bundle: Bundle): Held<BundleDocument> | null {
  const [only, other] = folder.bundles;
  if (only === undefined || other !== undefined) return null;
  const { version } = only.document;
  if (only.file.path.includes(version)) return null;
  const state = items.find((item) => itemKey(item) === `bundle:${version}`)?.state;
  return state === 'same' && compareVersions(version, bundle.version) < 0 ? only : null;
}

/** The bundle as the file would say it: rules that mean the same as they are written there, in its order. */
function bundleValue({ version, notes, metadata, rules }: Bundle, held: Held<BundleDocument> | null): unknown {
  const own = ownMetadata(metadata);
  const before = held === null ? {} : (rawValue(held.file) as Record<string, unknown>);
  const written = new Map(
    (held?.document.source.rules ?? []).flatMap((rule) => (isRecord(rule) ? [[rule.id, rule]] : [])),
  );
  const wanted = new Map(rules.map((rule) => [rule.id, rule]));
  const order = [
    ...[...written.keys()].filter((id) => wanted.has(id)),
    ...[...wanted.keys()].filter((id) => !written.has(id)),
  ];
  return {
    ...before,
    version,
    ...(notes === '' && !Object.hasOwn(before, 'notes') ? {} : { notes }),
    ...(Object.keys(own).length === 0 && !Object.hasOwn(before, 'metadata') ? {} : { metadata: own }),
    rules: order.map((id) => {
      const [there, here] = [wanted.get(id), written.get(id)];
      return isRecord(here) && isRecord(there) && sameRule(here, there) ? here : there;
    }),
  };
}

function sameRule(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  if (sameJson(a, b)) return true;
  const canonical = (rule: Record<string, unknown>): unknown => canonicalRule(rule as unknown as RuleInput);
  try {
    return sameJson(canonical(a), canonical(b));
  } catch {
    // One of them is not valid.
    return false;
  }
}

async function pullLists(pulling: Pulling, left: string[]): Promise<FolderWrite[]> {
  const { client, folder, server, items, all } = pulling;
  const conflicts = conflictNames(pulling, 'list');
  const gone = new Set(items.filter(({ kind, state }) => kind === 'list' && state !== 'same').map(({ name }) => name));
  const writes: FolderWrite[] = [];
  for (const [name, list] of server.lists) {
    const held = folder.lists.get(name);
    const keys = [`list:${name}`];
    if (held !== undefined) {
      if (!conflicts.has(name)) continue;
      const { live } = held.document;
      if (live !== undefined && live !== list.live) {
        left.push(items.find((item) => itemKey(item) === keys[0])?.message ?? '');
        continue;
      }
      const { values } = await client.lists.getList({ name });
      const before = rawValue(held.file);
      const ordered = inOrderOf(held.document.values, values);
      const isPlain = Array.isArray(before) && list.normalize === null;
      writes.push(...rewritten(held.file, isPlain ? ordered : listValue(list, ordered, held.document), keys));
    } else if (all && !gone.has(name)) {
      const { values } = await client.lists.getList({ name });
      const value = {
        ...(list.description === '' ? {} : { description: list.description }),
        ...(list.normalize === null ? {} : { normalize: list.normalize }),
        ...(list.live ? { live: true } : {}),
        values,
      };
      writes.push({ path: `${listsFolder}/${name}.yaml`, text: rewriteSource('', 'yaml', value), isNew: true, keys });
    }
  }
  return writes;
}

function listValue(
  { normalize, description, live }: { normalize: string | null; description: string; live: boolean },
  values: readonly unknown[],
  before: ListDocument,
): unknown {
  return {
    ...(before.description === undefined ? {} : { description }),
    ...(normalize === null ? {} : { normalize }),
    ...(before.live === undefined ? {} : { live }),
    values,
  };
}

/** A list has no order; that of the file is kept, what is new follows. */
function inOrderOf<V>(before: readonly V[], values: readonly V[]): V[] {
  const wanted = new Set(values);
  const kept = before.filter((value) => wanted.has(value));
  const there = new Set(kept);
  return [...new Set([...kept, ...values.filter((value) => !there.has(value))])];
}

function pullCatalog(pulling: Pulling): FolderWrite[] {
  const { folder, server, all, items } = pulling;
  const known = new Set(items.map(itemKey));
  const keys: string[] = [];
  /** The file's entries, those changed on the server as they are there; then, if all are wanted, what the file lacks. */
  const entries = (kind: 'agent' | 'action', there: readonly Entry[], before: readonly unknown[]): unknown[] => {
    const conflicts = conflictNames(pulling, kind);
    const byName = new Map(there.map((entry) => [entry[kind], entry]));
    const kept = before.map((entry) => {
      const name = isRecord(entry) ? entry[kind] : undefined;
      const now = typeof name === 'string' && conflicts.has(name) ? byName.get(name) : undefined;
      if (now === undefined) return entry;
      keys.push(`${kind}:${String(name)}`);
      return shortEntry(now, entry as Entry);
    });
    const lacking = all ? there.filter((entry) => !known.has(`${kind}:${String(entry[kind])}`)) : [];
    keys.push(...lacking.map((entry) => `${kind}:${String(entry[kind])}`));
    return [...kept, ...lacking.map((entry) => shortEntry(entry, {}))];
  };
  const file = folder.catalog?.file;
  if (file === undefined && !all) return [];
  const before = file === undefined ? {} : (rawValue(file) as Record<string, unknown>);
  const list = (key: string): readonly unknown[] => (Array.isArray(before[key]) ? (before[key] as unknown[]) : []);
  const agents = entries('agent', agentsOf(server.catalog), list('agents'));
  const actions = entries('action', actionsOf(server.catalog), list('actions'));
  if (keys.length === 0) return [];
  const value = { ...before, agents, actions };
  if (file !== undefined) return rewritten(file, value, keys);
  return [{ path: 'catalog.yaml', text: rewriteSource('', 'yaml', value), isNew: true, keys }];
}

type Entry = Readonly<Record<string, unknown>>;

function agentsOf({ agents }: ServerCatalog): Entry[] {
  return agents.map(({ agent, description, mode }) => ({ agent, description, mode }));
}

function actionsOf({ actions }: ServerCatalog): Entry[] {
  return actions.map(({ action, agents, risk, cost, description, context_schema }) => {
    return { action, agents, risk, cost, description, context_schema };
  });
}

/** Without what is as it would be if it were left out, unless the file says it. Whether an agent is only observed is left to it. */
function shortEntry(entry: Entry, before: Entry): Entry {
  const shown = Object.entries(entry).filter(
    ([key, value]) => Object.hasOwn(before, key) || !(value === null || value === '' || key === 'mode'),
  );
  return { ...before, ...Object.fromEntries(shown) };
}

function pullSettings(pulling: Pulling): FolderWrite[] {
  const { folder, server } = pulling;
  const conflicts = conflictNames(pulling, 'setting');
  if (folder.settings === null || conflicts.size === 0) return [];
  const { file, document } = folder.settings;
  const there = server.settings as Readonly<Record<string, unknown>>;
  const value = [...document.values].map(([name, wanted]): [string, unknown] => {
    const now = there[name];
    if (!conflicts.has(name)) return [name, wanted];
    // Of a group the file keeps the limits that it names.
    const isGroup = (name === 'gates' || name === 'critical') && isRecord(wanted) && isRecord(now);
    return [name, isGroup ? Object.fromEntries(Object.keys(wanted).map((limit) => [limit, now[limit] ?? null])) : now];
  });
  return rewritten(
    file,
    Object.fromEntries(value),
    [...conflicts].map((name) => `setting:${name}`),
  );
}

function rawValue(file: FolderFile): unknown {
  const document = read(file);
  if (Array.isArray(document)) throw new Error(`${file.name} was read before`);
  return document.value;
}
