import type { Lists, Normalize } from '@policy-studio/engine';
import type { Bundle, PolicyStudioClient } from '@policy-studio/sdk';
import { bundleOfVersion, type KeptBundle } from '../commands/bundle-reference.js';
import { moment } from '../output.js';
import type { PolicyFolder } from './folder.js';

export type ServerSettings = Awaited<ReturnType<PolicyStudioClient['settings']['getSettings']>>;
export type ServerCatalog = Awaited<ReturnType<PolicyStudioClient['catalog']['getCatalog']>>;
export type ServerList = Awaited<ReturnType<PolicyStudioClient['lists']['listLists']>>['lists'][number];
export type SystemState = Awaited<ReturnType<PolicyStudioClient['system']['getSystem']>>;

/** What a server holds of the things that a folder may speak of, read at one go. */
export interface ServerState {
  readonly settings: ServerSettings;
  readonly catalog: ServerCatalog;
  readonly lists: ReadonlyMap<string, ServerList>;
  /** By version: those of the folder. */
  readonly bundles: ReadonlyMap<string, KeptBundle>;
  readonly system: SystemState;
  /** What decides, or would without an emergency. */
  readonly inForce: Bundle | null;
}

export async function readServer(client: PolicyStudioClient, folder: PolicyFolder): Promise<ServerState> {
  const system = await client.system.getSystem();
  const bundles = new Map<string, KeptBundle>();
  for (const { document } of folder.bundles) {
    const kept = await bundleOfVersion(client, document.version);
    if (kept !== null) bundles.set(document.version, kept);
  }
  const { bundle } = system;
  const known = bundle === null ? undefined : bundles.get(bundle.version)?.bundle;
  return {
    settings: await client.settings.getSettings(),
    catalog: await client.catalog.getCatalog(),
    lists: await listsOf(client),
    bundles,
    system,
    inForce: bundle === null ? null : (known ?? (await client.bundles.getBundle({ id: bundle.id }))),
  };
}

async function listsOf(client: PolicyStudioClient): Promise<Map<string, ServerList>> {
  const found = new Map<string, ServerList>();
  for (;;) {
    const page = await client.lists.listLists({ limit: 200, offset: found.size });
    for (const list of page.lists) found.set(list.name, list);
    if (page.lists.length === 0 || found.size >= page.total) return found;
  }
}

const pagesOfTrail = 50;

/**
 * Those of the settings that somebody changed here, as the newest 10,000 entries of the audit trail tell, and who did so
 * last. `all`: the trail was read to its beginning, so the others are as the server came.
 */
export async function settingsChanged(
  client: PolicyStudioClient,
  names: readonly string[],
): Promise<{ readonly by: ReadonlyMap<string, string>; readonly all: boolean }> {
  const by = new Map<string, string>();
  let before: number | null = null;
  for (let page = 0; page < pagesOfTrail; page++) {
    const { entries, next_before }: Awaited<ReturnType<PolicyStudioClient['audit']['listAudit']>> =
      await client.audit.listAudit({ limit: 200, ...(before === null ? {} : { before }) });
    for (const { kind, actor, at, data } of entries) {
      const after = kind === 'settings.changed' ? data.after : null;
      if (typeof after !== 'object' || after === null) continue;
      for (const name of names) {
        if (Object.hasOwn(after, name) && !by.has(name)) by.set(name, `${actor}, ${moment(at)}`);
      }
    }
    if (next_before === null) return { by, all: true };
    if (names.every((name) => by.has(name))) return { by, all: true };
    before = next_before;
  }
  return { by, all: false };
}

/** The values of those of the server's lists that these rules may read. */
export async function listValues(
  client: PolicyStudioClient,
  { lists }: Pick<ServerState, 'lists'>,
  rules: readonly (readonly unknown[])[],
): Promise<Lists> {
  const text = JSON.stringify(rules);
  const found: Record<string, { values: readonly (string | number | boolean)[]; normalize?: Normalize }> = {};
  for (const name of lists.keys()) {
    if (!text.includes(`"${name}"`)) continue;
    const { values, normalize } = await client.lists.getList({ name });
    found[name] = normalize === null ? { values } : { values, normalize };
  }
  return found;
}
