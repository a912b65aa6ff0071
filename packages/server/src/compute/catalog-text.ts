import { type Catalog, type CompiledCatalog, compileCatalog, type Diagnostic } from '@policy-studio/engine';

/** A catalog on its way to a thread. */
export interface CatalogText {
  /** Names this content and no other. */
  readonly stamp: string;
  /** As JSON. */
  readonly text: string;
}

/** This thread's catalogs by stamp; the one used longest ago makes room. */
const compiled = new Map<string, CompiledCatalog>();
const kept = 8;

/** The catalog, compiled; the same object for the same stamp while it is kept. It was checked when it was stored. */
export function compiledFrom({ stamp, text }: CatalogText): CompiledCatalog {
  const made = compiled.get(stamp) ?? compileCatalog(JSON.parse(text) as Catalog);
  if (Array.isArray(made)) throw new Error(`the catalog does not compile: ${(made[0] as Diagnostic).message}`);
  compiled.delete(stamp);
  compiled.set(stamp, made);
  const [oldest] = compiled.keys();
  if (compiled.size > kept && oldest !== undefined) compiled.delete(oldest);
  return made;
}
