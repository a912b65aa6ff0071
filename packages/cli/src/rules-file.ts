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
import { parseDocumentText, readText, type TextFile } from './input.js';
import { plural, printable, type Style, type Terminal } from './output.js';

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
  const { file, source } = await readRules(path, terminal);
  // `compile` checks each rule against the schema before it relies on its shape.
  const rules = source.rules as readonly RuleInput[];
  const policy = compile({ rules }, lists, { defaultEffect });
  if (Array.isArray(policy)) throw invalidRules(file, located(policy, source), terminal.err.style);
  return { file, source, policy, rules, digest: bundleDigest(rules) };
}

/** Named lists: `{name: [values]}`, or `{name: {values, normalize}}`. */
export async function readLists(path: string | undefined, terminal: Terminal): Promise<Lists> {
  if (path === undefined) return {};
  const file = await readText(path, terminal);
  const document = parseDocumentText(file);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw unusable(`${file.name}: lists are an object, list name to values`);
  }
  const lists = Object.entries(document).map(([name, value]) => [name, namedList(file, name, value)] as const);
  return Object.fromEntries(lists);
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

const mostShown = 20;

/** What a finding needs to be shown, an engine's diagnostic or a server's. */
export interface Shown {
  readonly code: string;
  readonly message: string;
  readonly severity?: 'error' | 'warning' | 'info';
  readonly line?: number;
  readonly column?: number;
}

function invalidRules(file: TextFile, diagnostics: readonly Diagnostic[], style: Style): CommandFailure {
  return new CommandFailure(findingsText(file, diagnostics, style), exitCodes.findings);
}

/** Findings as `file:line:column severity code message`, each with its source line, closed by a count; at most 20 in full. */
export function findingsText(file: TextFile, findings: readonly Shown[], style: Style): string {
  const lines = file.text.split(/\r\n|\n|\r/);
  const blocks = findings.slice(0, mostShown).map((finding) => {
    const { line, column, code, message, severity = 'error' } = finding;
    const place = line === undefined ? file.name : `${file.name}:${line}:${column ?? 1}`;
    const paint = { error: style.red, warning: style.yellow, info: style.dim }[severity];
    const head = `${style.bold(place)} ${paint(severity)} ${style.dim(code)} ${printable(message)}`;
    const excerpt = line === undefined ? undefined : lines[line - 1];
    return excerpt === undefined ? head : `${head}\n${excerptText(excerpt, line ?? 1, column ?? 1, style)}`;
  });
  const more = findings.length - blocks.length;
  const total = plural(findings.length, 'finding');
  return [...blocks, more > 0 ? `${total}, ${more} not shown` : total].join('\n');
}

const excerptWidth = 120;

/** The source line and a caret under the column; of a long line the part around the column. */
function excerptText(text: string, line: number, column: number, style: Style): string {
  const from = column > excerptWidth - 20 ? column - 1 - excerptWidth / 2 : 0;
  const cut = text.slice(from, from + excerptWidth);
  const before = printable(text.slice(from, column - 1));
  const gutter = String(line);
  const head = from > 0 ? '…' : '';
  return [
    `${style.dim(`  ${gutter} |`)} ${head}${printable(cut)}${text.length > from + excerptWidth ? '…' : ''}`,
    `${style.dim(`  ${' '.repeat(gutter.length)} |`)} ${' '.repeat(head.length + before.length)}${style.red('^')}`,
  ].join('\n');
}
