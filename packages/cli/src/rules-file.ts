import { basename } from 'node:path';
import {
  type BundleSource,
  bundleDigest,
  type CompiledPolicy,
  compile,
  type Diagnostic,
  type Effect,
  type Lists,
  type Normalize,
  parseBundleSource,
  type RuleInput,
} from '@policy-studio/engine';
import { CommandFailure, exitCodes, unusable } from './exit-code.js';
import { findingsText } from './findings-text.js';
import { parseDocumentText, readText, type TextFile } from './input.js';
import { printable, type Style, type Terminal } from './output.js';
import { documentName, filesAt, isFolder, isSuiteName, suiteInstead } from './source-files.js';

export interface RulesFile {
  readonly file: TextFile;
  readonly source: BundleSource;
}

export interface CompiledRules extends RulesFile {
  readonly policy: CompiledPolicy;
  readonly rules: readonly RuleInput[];
  readonly digest: string;
}

/** Reads a bundle document. Its syntax is checked, its rules are not. */
export async function readRules(path: string, terminal: Terminal): Promise<RulesFile> {
  if (isSuiteName(path)) throw suiteInstead(path);
  const file = await readText(path, terminal);
  const source = parseBundleSource(file.text, file.format);
  if (Array.isArray(source)) throw invalidRules(file, source, terminal.err.style);
  return { file, source };
}

/** Reads and compiles a bundle. What is wrong with it is one CommandFailure that shows every place. */
export async function compileRules(
  path: string,
  lists: Lists,
  defaultEffect: Effect,
  terminal: Terminal,
): Promise<CompiledRules> {
  const read = await readRules(path, terminal);
  const compiled = compiledRules(read, lists, defaultEffect);
  if (Array.isArray(compiled)) throw invalidRules(read.file, compiled, terminal.err.style);
  return compiled;
}

/** The rules of a document compiled, or what is wrong with them, at their places. */
export function compiledRules(
  { file, source }: RulesFile,
  lists: Lists,
  defaultEffect: Effect,
): CompiledRules | Diagnostic[] {
  // `compile` checks each rule against the schema before it relies on its shape.
  const rules = source.rules as readonly RuleInput[];
  const policy = compile({ rules }, lists, { defaultEffect });
  if (Array.isArray(policy)) return located(policy, source);
  return { file, source, policy, rules, digest: bundleDigest(rules) };
}

/** The bundle of a file that is not there. */
export function noRules(name: string, lists: Lists, defaultEffect: Effect): CompiledRules {
  const policy = compile({ rules: [] }, lists, { defaultEffect });
  if (Array.isArray(policy)) throw new Error('a policy without rules is valid');
  const file: TextFile = { name, text: '', format: 'json' };
  return { file, source: { rules: [], locate: () => null }, policy, rules: [], digest: bundleDigest([]) };
}

/** Named lists: `{name: [values]}`, or `{name: {values, normalize}}`; or a folder with a file for each, as `sync` keeps them. */
export async function readLists(path: string | undefined, terminal: Terminal): Promise<Lists> {
  if (path === undefined) return {};
  if (await isFolder(path)) return listsIn(path, terminal);
  const file = await readText(path, terminal);
  const document = parseDocumentText(file);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw unusable(`${file.name}: lists are an object, list name to values`);
  }
  const lists = Object.entries(document).map(([name, value]) => [name, namedList(file, name, value)] as const);
  return Object.fromEntries(lists);
}

async function listsIn(folder: string, terminal: Terminal): Promise<Lists> {
  const lists = new Map<string, FileList>();
  for (const { path } of await filesAt([folder], (name) => documentName.test(name))) {
    const file = await readText(path, terminal);
    const name = basename(path).replace(documentName, '');
    if (lists.has(name)) throw unusable(`${file.name}: the list \`${printable(name)}\` is there twice`);
    const value = parseDocumentText(file);
    const { description: _, live: __, ...list } = isRecord(value) ? value : { values: value };
    lists.set(name, namedList(file, name, list));
  }
  return Object.fromEntries(lists);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A named list as the wire takes it: without null. */
export interface FileList {
  readonly values: readonly (string | number | boolean)[];
  readonly normalize?: Normalize;
}

/** One named list: an array of values, or `{values, normalize}`. */
export async function readListFile(path: string, name: string, terminal: Terminal): Promise<FileList> {
  const file = await readText(path, terminal);
  return namedList(file, name, parseDocumentText(file));
}

function namedList(file: TextFile, name: string, value: unknown): FileList {
  const { values, normalize, ...rest } = (Array.isArray(value) ? { values: value } : (value ?? {})) as Partial<
    Record<string, unknown>
  >;
  const fail = (what: string): CommandFailure => unusable(`${file.name}: the list \`${printable(name)}\` ${what}`);
  if (!Array.isArray(values)) throw fail('needs an array of values, or an object with `values`');
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw fail(`has an unknown member \`${printable(unknown)}\``);
  if (!values.every((item) => ['string', 'number', 'boolean'].includes(typeof item))) {
    throw fail('may hold strings, numbers and booleans only');
  }
  if (normalize === undefined || normalize === null) return { values };
  if (normalize === 'lower' || normalize === 'email' || normalize === 'host') return { values, normalize };
  throw fail('has a `normalize` other than lower, email or host');
}

/** Diagnostics of rules with the places of the document they came from. */
function located(diagnostics: readonly Diagnostic[], source: BundleSource): Diagnostic[] {
  return diagnostics.map((diagnostic) => ({ ...(source.locate(diagnostic.path) ?? {}), ...diagnostic }));
}

/** Diagnostics of rules as the end of a command. */
export function invalidRules(file: TextFile, diagnostics: readonly Diagnostic[], style: Style): CommandFailure {
  return new CommandFailure(findingsText(file, diagnostics, style), exitCodes.findings);
}
