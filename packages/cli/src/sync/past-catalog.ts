import { canonicalJson } from '@policy-studio/engine';
import { type CatalogDocument, type CatalogEntry, readCatalogDocument } from './documents.js';
import { type GitHistory, pastDocuments } from './git-history.js';

/** Every form that an agent or action ever had in the folder's catalog. */
export interface PastCatalog {
  readonly agent: ReadonlyMap<string, readonly CatalogEntry[]>;
  readonly action: ReadonlyMap<string, readonly CatalogEntry[]>;
}

/** Read once, since a catalog has many entries and a history many catalogs. */
export async function pastCatalog(history: GitHistory | null, file: string): Promise<PastCatalog> {
  const past = { agent: new Map<string, CatalogEntry[]>(), action: new Map<string, CatalogEntry[]>() };
  const seen = new Set<string>();
  for await (const { agents, actions } of pastDocuments<CatalogDocument>(history, file, readCatalogDocument)) {
    for (const [kind, entries] of [
      ['agent', agents],
      ['action', actions],
    ] as const) {
      for (const [name, entry] of entries) {
        const key = `${kind} ${name} ${canonicalJson(entry)}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const forms = past[kind].get(name);
        if (forms === undefined) past[kind].set(name, [entry]);
        else forms.push(entry);
      }
    }
  }
  return past;
}
