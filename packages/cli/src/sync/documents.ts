import {
  type BundleSource,
  bundleDigest,
  type Catalog,
  type CompiledCatalog,
  canonicalValues,
  compileCatalog,
  type Diagnostic,
  listDigest,
  type Normalize,
  parseBundleSource,
  parseCatalog,
  type RuleInput,
  readJson,
  readYaml,
  type SourceDocument,
} from '@policy-studio/engine';
import type { TextFile } from '../input.js';

/** A file of the folder as text: its name there, with `/`, and how messages call it. */
export interface FolderFile extends TextFile {
  readonly path: string;
}

type Text = Pick<TextFile, 'text' | 'format'>;
type Fault = Pick<Diagnostic, 'code' | 'message' | 'line' | 'column'>;

export interface BundleDocument {
  readonly source: BundleSource;
  readonly version: string;
  readonly notes: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Null while a rule is not valid. */
  readonly digest: string | null;
}

/** What `sync` writes into the metadata of a draft: where it comes from. */
export const originKey = 'git';
const versionPattern = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;
const longestVersion = 16;

export function readBundleDocument({ text, format }: Text): BundleDocument | Fault[] {
  const source = parseBundleSource(text, format);
  if (Array.isArray(source)) return source;
  const { version, notes = '', metadata = {} } = source;
  if (version === undefined) return [fault('a bundle that is kept in step needs a `version`, such as "1.0.0"')];
  if (!versionPattern.test(version) || version.length > longestVersion) {
    return [fault('`version` must be MAJOR.MINOR.PATCH without leading zeros, at most 16 characters')];
  }
  if (Object.hasOwn(metadata, originKey)) {
    return [fault(`\`metadata.${originKey}\` is written by \`sync\`: remove it`)];
  }
  return { source, version, notes, metadata, digest: digestOf(source.rules) };
}

function digestOf(rules: readonly unknown[]): string | null {
  try {
    return bundleDigest(rules as readonly RuleInput[]);
  } catch {
    return null;
  }
}

export interface ListDocument {
  readonly values: readonly (string | number | boolean)[];
  readonly normalize: Normalize | null;
  readonly digest: string;
  /** Undefined: the file says nothing of it. */
  readonly description: string | undefined;
  readonly live: boolean | undefined;
}

const listKeys: readonly string[] = ['values', 'normalize', 'description', 'live'];

/** An array of values, or `{values, normalize?, description?, live?}`. */
export function readListDocument(text: Text): ListDocument | Fault[] {
  const document = read(text);
  if (Array.isArray(document)) return document;
  const { value, locate } = document;
  const members = Array.isArray(value) ? { values: value as unknown } : value;
  const at = (key: string, message: string): Fault[] => [{ ...fault(message), ...(locate([key]) ?? {}) }];
  if (!isRecord(members)) return [fault('a list is an array of values, or an object with `values`')];
  const unknown = Object.keys(members).find((key) => !listKeys.includes(key));
  if (unknown !== undefined) return at(unknown, `unknown key \`${unknown}\`: a list has ${listKeys.join(', ')}`);
  const { values, normalize = null, description, live } = members;
  if (!Array.isArray(values)) return at('values', '`values` must be an array');
  const odd = values.findIndex((each) => !['string', 'number', 'boolean'].includes(typeof each));
  if (odd !== -1) {
    const path = Array.isArray(value) ? [odd] : ['values', odd];
    return [{ ...fault('a list holds strings, numbers and booleans only'), ...(locate(path) ?? {}) }];
  }
  if (normalize !== null && normalize !== 'lower' && normalize !== 'email' && normalize !== 'host') {
    return at('normalize', '`normalize` must be lower, email or host');
  }
  if (description !== undefined && typeof description !== 'string') return at('description', 'must be a string');
  if (live !== undefined && typeof live !== 'boolean') return at('live', '`live` must be true or false');
  const sound = values as (string | number | boolean)[];
  return { values: sound, normalize, digest: listDigest(canonicalValues(sound), normalize), description, live };
}

/** An entry of the catalog as it is compared with a server's: only what the file decides. */
export type CatalogEntry = Readonly<Record<string, unknown>>;

export interface CatalogDocument {
  readonly catalog: Catalog;
  readonly compiled: CompiledCatalog;
  /** By name, in the order of the file. */
  readonly agents: ReadonlyMap<string, CatalogEntry>;
  readonly actions: ReadonlyMap<string, CatalogEntry>;
  readonly locate: SourceDocument['locate'];
}

export function readCatalogDocument(text: Text): CatalogDocument | Fault[] {
  const document = read(text);
  if (Array.isArray(document)) return document;
  const catalog = parseCatalog(document.value);
  const compiled = Array.isArray(catalog) ? catalog : compileCatalog(catalog);
  if (Array.isArray(catalog) || Array.isArray(compiled)) {
    const faults = Array.isArray(catalog) ? catalog : (compiled as Diagnostic[]);
    return faults.map((each) => ({ ...each, ...(document.locate(each.path) ?? {}) }));
  }
  return {
    catalog,
    compiled,
    agents: new Map(catalog.agents.map((agent, index) => [agent.agent, agentEntry(agent, saysMode(document, index))])),
    actions: new Map(catalog.actions.map((action) => [action.action, actionEntry(action)])),
    locate: document.locate,
  };
}

/** An agent is only observed, or enforced again, in an emergency too: a file that says nothing of it leaves it alone. */
export function agentEntry({ description, mode }: Catalog['agents'][number], withMode: boolean): CatalogEntry {
  return { description, ...(withMode ? { mode: mode ?? 'enforce' } : {}) };
}

export function actionEntry({
  agents,
  context_schema,
  risk,
  cost,
  description,
}: Catalog['actions'][number]): CatalogEntry {
  return { agents, context_schema, risk, cost, description };
}

function saysMode({ value }: SourceDocument, index: number): boolean {
  const agents = isRecord(value) ? value.agents : undefined;
  const agent: unknown = Array.isArray(agents) ? agents[index] : undefined;
  return isRecord(agent) && Object.hasOwn(agent, 'mode');
}

export interface SettingsDocument {
  /** In the order of the file. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly locate: SourceDocument['locate'];
}

const notSettings: readonly string[] = ['approval_id', 'updated_at', 'updated_by'];

export function readSettingsDocument(text: Text): SettingsDocument | Fault[] {
  const document = read(text);
  if (Array.isArray(document)) return document;
  const { value, locate } = document;
  if (!isRecord(value)) return [fault('settings are an object, such as {default_effect: deny}')];
  const odd = Object.keys(value).find((key) => notSettings.includes(key));
  if (odd !== undefined) return [{ ...fault(`\`${odd}\` is no setting: remove it`), ...(locate([odd]) ?? {}) }];
  return { values: new Map(Object.entries(value)), locate };
}

/** The one document of a text. */
export function read({ text, format }: Text): SourceDocument | Diagnostic[] {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return format === 'json' ? readJson(withoutMark) : readYaml(withoutMark);
}

function fault(message: string): Fault {
  return { code: 'invalid-source', message, line: 1, column: 1 };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
