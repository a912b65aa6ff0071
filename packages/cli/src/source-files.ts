import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBundleSource } from '@policy-studio/engine';
import { type CommandFailure, unusable } from './exit-code.js';
import { fileFailure, isEmptyFile, readText, type TextFile } from './input.js';
import { plural, printable, type Terminal } from './output.js';

const mostFiles = 10_000;
/** The endings of files that are read. */
export const documentName = /\.(json|yaml|yml)$/i;
const suite = /\.policytest\.(json|yaml|yml)$/i;

/** Whether a file is a suite of tests, by its name. */
export function isSuiteName(path: string): boolean {
  return suite.test(path);
}

/** A path to read, and whether it was found in a folder or named by the person. */
export interface FoundFile {
  readonly path: string;
  readonly named: boolean;
}

/**
 * The files that the paths name, and in their folders, all the way down, those whose names the filter takes; each once,
 * in order. Hidden folders, `node_modules` and symbolic links to folders are passed over. `-` is standard input.
 */
export async function filesAt(paths: readonly string[], takes: (name: string) => boolean): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>();
  const add = (path: string, named: boolean) => {
    if (!found.has(path)) found.set(path, { path, named });
    if (found.size > mostFiles) throw unusable(`more than ${mostFiles} files: name fewer folders`);
  };
  for (const path of paths) {
    if (!(await isFolder(path))) add(path, true);
    else for await (const file of filesUnder(path)) if (takes(file)) add(file, false);
  }
  return [...found.values()];
}

/** Whether a file in a folder may hold rules. */
function mayHoldRules(name: string): boolean {
  return documentName.test(name) && !isSuiteName(name);
}

/** Whether the path is a folder; standard input is none. */
export async function isFolder(path: string): Promise<boolean> {
  if (path === '-') return false;
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fileFailure(path, error);
  }
}

async function* filesUnder(folder: string): AsyncGenerator<string, void, undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fileFailure(folder, error);
  });
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of sorted) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!entry.name.startsWith('.') && entry.name !== 'node_modules') yield* filesUnder(path);
    } else if (entry.isFile() || entry.isSymbolicLink()) yield path;
  }
}

/** The bundles among the files; those in folders that hold none are passed over, and named on standard error. */
export async function ruleFiles(paths: readonly string[], terminal: Terminal): Promise<TextFile[]> {
  const files: TextFile[] = [];
  const others: string[] = [];
  for (const { path, named } of await filesAt(paths, mayHoldRules)) {
    if (named && isSuiteName(path)) throw suiteInstead(path);
    const file = named || !(await isEmptyFile(path)) ? await readText(path, terminal) : null;
    if (file !== null && (named || holdsRules(file))) files.push(file);
    else others.push(path);
  }
  if (others.length > 0) {
    const list = others.slice(0, othersNamed).map(printable).join(', ');
    const more = others.length > othersNamed ? ` and ${others.length - othersNamed} more` : '';
    terminal.err.write(`passed over ${plural(others.length, 'file')} without rules: ${list}${more}\n`);
  }
  if (files.length === 0) throw unusable(`${paths.join(', ')}: no rules there, in .json, .yaml or .yml files`);
  return files;
}

/** What to say of a suite where rules are wanted. */
export function suiteInstead(path: string): CommandFailure {
  return unusable(`${path}: is a test suite, not rules: \`policy-studio test\` runs it`);
}

const othersNamed = 5;

/**
 * Whether a file in a folder is about rules. One that cannot be read counts when it speaks of effects, so that a broken
 * bundle does not pass for something else.
 */
export function holdsRules(file: TextFile): boolean {
  const source = parseBundleSource(file.text, file.format);
  if (!Array.isArray(source)) return source.rules.length === 0 || source.rules.some(isLikeRule);
  return /["']?\beffect["']?\s*:/.test(file.text) && /["']?\baction["']?\s*:/.test(file.text);
}

function isLikeRule(entry: unknown): boolean {
  return (
    typeof entry === 'object' && entry !== null && ('effect' in entry || 'conditions' in entry || 'priority' in entry)
  );
}
