import {
  type CompiledCatalog,
  compileCatalog,
  type Effect,
  type LintCode,
  type Lists,
  type Severity,
  severities,
} from '@policy-studio/engine';
import type { Bundle, PolicyStudioClient } from '@policy-studio/sdk';
import { type Compared, compareRules } from '../diff/compare-rules.js';
import { type LintedFile, lintFile } from '../lint/lint-file.js';
import { type CompiledRules, compiledRules, noRules } from '../rules-file.js';
import { type BundleDocument, isRecord } from './documents.js';
import { type Held, headOf, type PolicyFolder } from './folder.js';
import type { SyncItem } from './item.js';
import { listValues, type ServerState } from './server-state.js';

/** What is to be said about the rules that a folder would bring. */
export interface Review {
  /** Bundles that are new or changed, and the one that is meant to be in force. */
  readonly linted: readonly LintedFile[];
  /**
   * What is in force against the highest version, each by its own lists and default effect: the server's, and those that
   * it would have. Null where that version is not valid, or there is none.
   */
  readonly compared: Compared | null;
}

/** Lints and compares by the lists, catalog and settings that the server would have with the folder's. */
export async function review(
  client: PolicyStudioClient,
  folder: PolicyFolder,
  server: ServerState,
  items: readonly SyncItem[],
): Promise<Review> {
  const head = headOf(folder);
  const changed = new Set(
    items.filter(({ kind, state }) => kind === 'bundle' && state !== 'same').map(({ file }) => file),
  );
  const bundles = folder.bundles.filter((each) => changed.has(each.file.path) || each === head);
  const { inForce } = server;
  const read = [...bundles.map(({ document }) => document.source.rules), inForce?.rules ?? []];
  const before = await listValues(client, server, read);
  const after = { ...before, ...folderLists(folder) };
  const settings = settingsAfter(folder, server);
  const catalog = catalogAfter(folder, server);
  const linted = bundles.map(({ file }) =>
    lintFile(file, {
      lists: after,
      listNames: [...server.lists.keys()],
      defaultEffect: settings.defaultEffect,
      catalog: catalog && { name: 'the catalog', compiledFor: () => catalog },
      catalogMode: settings.catalogMode,
      enforceContext: settings.enforceContext,
      // About the catalog rather than about a change, and as long as the catalog.
      severities: { 'uncovered-action': 'off', ...settings.severities },
    }),
  );
  const compared = head && compareHead(head, inForce, { before, after }, server, settings, catalog);
  return { linted, compared };
}

function compareHead(
  head: Held<BundleDocument>,
  inForce: Bundle | null,
  lists: { readonly before: Lists; readonly after: Lists },
  server: ServerState,
  settings: EffectiveSettings,
  catalog: CompiledCatalog | null,
): Compared | null {
  const { file, document } = head;
  const later = compiledRules({ file, source: document.source }, lists.after, settings.defaultEffect);
  const earlier = inForceRules(inForce, lists.before, server.settings.default_effect);
  if (Array.isArray(later) || earlier === null) return null;
  return compareRules(earlier, later, settings.enforceContext ? catalog : null);
}

/** Null: they do not compile by the lists of now. */
function inForceRules(bundle: Bundle | null, lists: Lists, defaultEffect: Effect): CompiledRules | null {
  if (bundle === null) return noRules('nothing in force', lists, defaultEffect);
  const file = { name: `${bundle.version} in force`, text: '', format: 'json' as const };
  const compiled = compiledRules({ file, source: { rules: bundle.rules, locate: () => null } }, lists, defaultEffect);
  return Array.isArray(compiled) ? null : compiled;
}

function folderLists({ lists }: PolicyFolder): Lists {
  return Object.fromEntries(
    [...lists].map(([name, { document }]) => [
      name,
      document.normalize === null
        ? { values: document.values }
        : { values: document.values, normalize: document.normalize },
    ]),
  );
}

interface EffectiveSettings {
  readonly defaultEffect: Effect;
  readonly catalogMode: 'strict' | 'open';
  readonly enforceContext: boolean;
  readonly severities: Readonly<Partial<Record<LintCode, Severity | 'off'>>>;
}

/** The file's values where they are such as the server will take; of the others it will say so itself. */
function settingsAfter({ settings }: PolicyFolder, { settings: there }: ServerState): EffectiveSettings {
  const said = (name: string): unknown => settings?.document.values.get(name);
  const oneOf = <V>(known: readonly V[], name: string, otherwise: V): V =>
    known.find((value) => value === said(name)) ?? otherwise;
  const asked = said('lint_severities');
  const levels = [...severities, 'off' as const];
  const sound = isRecord(asked) && Object.values(asked).every((level) => levels.some((known) => known === level));
  return {
    defaultEffect: oneOf(['allow', 'deny', 'needs_approval'] as const, 'default_effect', there.default_effect),
    catalogMode: oneOf(['strict', 'open'] as const, 'catalog', there.catalog),
    enforceContext: oneOf([true, false], 'enforce_context', there.enforce_context),
    severities: sound ? (asked as EffectiveSettings['severities']) : there.lint_severities,
  };
}

/** Null: the two do not fit into one catalog, which the server will say. */
function catalogAfter({ catalog }: PolicyFolder, { catalog: there }: ServerState): CompiledCatalog | null {
  const of = catalog?.document.catalog ?? { agents: [], actions: [] };
  const agents = new Map([...there.agents, ...of.agents].map((agent) => [agent.agent, agent]));
  const actions = new Map([...there.actions, ...of.actions].map((action) => [action.action, action]));
  const compiled = compileCatalog({ agents: [...agents.values()], actions: [...actions.values()] });
  return Array.isArray(compiled) ? null : compiled;
}
