import { join, relative, sep } from 'node:path';
import { CommandFailure, exitCodes, unusable } from '../exit-code.js';
import { findingsText, type Shown } from '../findings-text.js';
import { readText } from '../input.js';
import type { Terminal } from '../output.js';
import { filesAt, isFolder, isSuiteName } from '../source-files.js';
import {
  type BundleDocument,
  type CatalogDocument,
  type FolderFile,
  type ListDocument,
  readBundleDocument,
  readCatalogDocument,
  readListDocument,
  readSettingsDocument,
  type SettingsDocument,
} from './documents.js';

/** A file of the folder and what it holds. */
export interface Held<D> {
  readonly file: FolderFile;
  readonly document: D;
}

/** A folder that a server is kept in step with. */
export interface PolicyFolder {
  readonly path: string;
  /** By version, lowest first. */
  readonly bundles: readonly Held<BundleDocument>[];
  /** By name. */
  readonly lists: ReadonlyMap<string, Held<ListDocument>>;
  readonly catalog: Held<CatalogDocument> | null;
  readonly settings: Held<SettingsDocument> | null;
}

export const bundlesFolder = 'bundles';
export const listsFolder = 'lists';
const ending = /\.(yaml|yml|json)$/;
const catalogName = /^catalog\.(yaml|yml|json)$/;
const settingsName = /^settings\.(yaml|yml|json)$/;
const listName = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** What of a folder `sync` looks at, for Git. */
export const folderPaths: readonly string[] = [
  bundlesFolder,
  listsFolder,
  ...['catalog', 'settings'].flatMap((name) => ['yaml', 'yml', 'json'].map((each) => `${name}.${each}`)),
];

/** Reads the folder. What cannot be read of it is one CommandFailure with every place in the first such file. */
export async function readFolder(path: string, terminal: Terminal): Promise<PolicyFolder> {
  if (!(await isFolder(path))) throw unusable(`${path}: is a file; name the folder that holds ${bundlesFolder}/`);
  const found = await filesAt([path], (name) => ending.test(name) && !isSuiteName(name));
  const names = found.map((each) => relative(path, each.path).split(sep).join('/')).sort();
  const held = async <D extends object>(
    name: string,
    parse: (file: FolderFile) => D | readonly Shown[],
  ): Promise<Held<D>> => {
    const file = { ...(await readText(join(path, name), terminal)), path: name };
    const document = parse(file);
    if (!Array.isArray(document)) return { file, document: document as D };
    throw new CommandFailure(findingsText(file, document, terminal.err.style), exitCodes.findings);
  };
  const all = async <D extends object>(folder: string, parse: (file: FolderFile) => D | readonly Shown[]) => {
    const read: Held<D>[] = [];
    for (const name of names) if (name.startsWith(`${folder}/`)) read.push(await held<D>(name, parse));
    return read;
  };
  const one = async <D extends object>(pattern: RegExp, parse: (file: FolderFile) => D | readonly Shown[]) => {
    const [name, other] = names.filter((each) => pattern.test(each));
    if (other !== undefined) throw unusable(`${path}: ${name} and ${other} are both there: keep one`);
    return name === undefined ? null : held<D>(name, parse);
  };
  return {
    path,
    bundles: inOrder(await all<BundleDocument>(bundlesFolder, readBundleDocument)),
    lists: byName(await all<ListDocument>(listsFolder, readListDocument)),
    catalog: await one<CatalogDocument>(catalogName, readCatalogDocument),
    settings: await one<SettingsDocument>(settingsName, readSettingsDocument),
  };
}

/** The bundle that is meant to be in force: the highest version. */
export function headOf({ bundles }: PolicyFolder): Held<BundleDocument> | null {
  return bundles.at(-1) ?? null;
}

export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  const place = left.findIndex((part, index) => part !== right[index]);
  return place === -1 ? 0 : (left[place] ?? 0) - (right[place] ?? 0);
}

function inOrder(bundles: readonly Held<BundleDocument>[]): Held<BundleDocument>[] {
  const sorted = [...bundles].sort((a, b) => compareVersions(a.document.version, b.document.version));
  for (const [index, { document, file }] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before?.document.version === document.version) {
      throw unusable(`${before.file.name} and ${file.name} both hold version ${document.version}: raise one`);
    }
  }
  return sorted;
}

/** A list is called as its file is. */
export function listNameOf(path: string): string | null {
  const name = path.slice(listsFolder.length + 1).replace(ending, '');
  return listName.test(name) ? name : null;
}

function byName(lists: readonly Held<ListDocument>[]): Map<string, Held<ListDocument>> {
  const named = new Map<string, Held<ListDocument>>();
  for (const each of lists) {
    const name = listNameOf(each.file.path);
    if (name === null) {
      throw unusable(
        `${each.file.name}: a list is called as its file: lower-case letters, digits, _ and -, at most 64, in ${listsFolder}/ itself`,
      );
    }
    const other = named.get(name);
    if (other !== undefined) throw unusable(`${other.file.name} and ${each.file.name} are the same list: keep one`);
    named.set(name, each);
  }
  return named;
}
