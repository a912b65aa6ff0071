import { type RuleInput, ruleChanges, sameJson } from '@policy-studio/engine';
import type { Bundle } from '@policy-studio/sdk';
import { clipped, count, moment, plural } from '../output.js';
import {
  actionEntry,
  agentEntry,
  type BundleDocument,
  type CatalogEntry,
  isRecord,
  type ListDocument,
  originKey,
} from './documents.js';
import type { ServerCatalog, ServerList } from './server-state.js';

/** What a server writes into the metadata of bundles by itself. */
const serverKeys: readonly string[] = [originKey, 'imported_at', 'rollback'];

/** A bundle's metadata without what a server or `sync` wrote there. */
export function ownMetadata(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !serverKeys.includes(key)));
}

/** What of a bundle's metadata a change of the draft keeps. */
export function serverMetadata(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => serverKeys.includes(key) && key !== originKey));
}

type ComparedBundle = Pick<BundleDocument, 'digest' | 'notes' | 'metadata'>;

/** Spelling and order of rules do not count, as they do not for the digest. */
export function sameBundle(document: ComparedBundle, bundle: Pick<Bundle, 'digest' | 'notes' | 'metadata'>): boolean {
  return (
    document.digest === bundle.digest &&
    document.notes === bundle.notes &&
    sameJson(document.metadata, ownMetadata(bundle.metadata))
  );
}

/** How the folder's bundle differs from the server's, in a few words. */
export function bundleDifference({ digest, notes, source }: BundleDocument, bundle: Bundle): string {
  const parts: string[] = [];
  if (digest !== bundle.digest && digest !== null) {
    const { summary } = ruleChanges(bundle.rules as unknown as RuleInput[], source.rules as RuleInput[]);
    const counted = (['added', 'removed', 'modified'] as const).flatMap((name) =>
      summary[name] === 0 ? [] : [`${count(summary[name])} ${name}`],
    );
    parts.push(`rules: ${counted.join(', ')}`);
  } else if (digest === null) parts.push('rules that are not valid');
  if (notes !== bundle.notes) parts.push('notes');
  if (parts.length === 0) parts.push('metadata');
  return parts.join('; ');
}

/** Whether the server's list is as the file says; a description that the file lacks may be any. */
export function sameList(document: ListDocument, list: Pick<ServerList, 'digest' | 'description'>): boolean {
  const { digest, description } = document;
  return digest === list.digest && (description === undefined || description === list.description);
}

export function listDifference(document: ListDocument, list: ServerList): string {
  const { values, normalize, digest, description } = document;
  if (digest === list.digest) return `description: ${shown(list.description)} → ${shown(description)}`;
  const size = `${plural(values.length, 'value')}, ${count(list.size)} on the server`;
  return normalize === list.normalize
    ? size
    : `${size}; normalize: ${list.normalize ?? 'none'} → ${normalize ?? 'none'}`;
}

/** The server's agents, as far as the file says anything of them. */
export function serverAgent({ description, mode }: ServerCatalog['agents'][number], like: CatalogEntry): CatalogEntry {
  return agentEntry({ agent: '', description, mode }, Object.hasOwn(like, 'mode'));
}

export function serverAction(action: ServerCatalog['actions'][number]): CatalogEntry {
  return actionEntry(action);
}

export function entryDifference(wanted: CatalogEntry, there: CatalogEntry): string {
  return Object.keys(wanted)
    .filter((key) => !sameJson(wanted[key], there[key]))
    .map((key) =>
      key === 'context_schema' ? 'context_schema' : `${key}: ${shown(there[key])} → ${shown(wanted[key])}`,
    )
    .join('; ');
}

/** Settings that a change is merged into, limit by limit. */
const merged: readonly string[] = ['gates', 'critical'];

/** Whether the server's setting is as the file says. Of `gates` and `critical` only the limits that the file names count. */
export function sameSetting(name: string, wanted: unknown, there: unknown): boolean {
  if (!merged.includes(name) || !isRecord(wanted) || !isRecord(there)) return sameJson(wanted, there);
  return Object.entries(wanted).every(([limit, value]) => sameJson(value, there[limit]));
}

export function settingDifference(name: string, wanted: unknown, there: unknown): string {
  if (!merged.includes(name) || !isRecord(wanted) || !isRecord(there)) return `${shown(there)} → ${shown(wanted)}`;
  return Object.keys(wanted)
    .filter((limit) => !sameJson(wanted[limit], there[limit]))
    .map((limit) => `${limit}: ${shown(there[limit])} → ${shown(wanted[limit])}`)
    .join('; ');
}

/** Who changed it last on the server, and when. */
export function changedBy({ updated_by, updated_at }: Pick<ServerList, 'updated_by' | 'updated_at'>): string {
  return `${updated_by}, ${moment(updated_at)}`;
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : clipped(JSON.stringify(value), 60);
}
