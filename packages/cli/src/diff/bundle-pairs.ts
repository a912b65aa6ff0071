import { join, relative } from 'node:path';
import { unusable } from '../exit-code.js';
import { printable, type Terminal } from '../output.js';
import { isFolder, ruleFiles } from '../source-files.js';

export interface BundlePair {
  readonly before: BundlePath;
  readonly after: BundlePath;
}

/** A file that is not there, while its counterpart is, counts as a bundle without rules. */
export interface BundlePath {
  readonly path: string;
  readonly isThere: boolean;
}

/** The two files, or those of the same name in two folders. */
export async function bundlePairs(before: string, after: string, terminal: Terminal): Promise<BundlePair[]> {
  const [isBefore, isAfter] = [await isFolder(before), await isFolder(after)];
  if (!isBefore && !isAfter)
    return [{ before: { path: before, isThere: true }, after: { path: after, isThere: true } }];
  if (isBefore !== isAfter) throw unusable('compare two files or two folders, not one of each');
  const [left, right] = [await filesIn(before, terminal), await filesIn(after, terminal)];
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  const at = (folder: string, files: ReadonlyMap<string, string>, name: string): BundlePath => {
    const path = files.get(name) ?? join(folder, name);
    if (!files.has(name))
      terminal.err.write(`${printable(path)}: is not there, and counts as a bundle without rules\n`);
    return { path, isThere: files.has(name) };
  };
  return names.map((name) => ({ before: at(before, left, name), after: at(after, right, name) }));
}

/** Paths of the bundles in a folder, by their names in it. */
async function filesIn(folder: string, terminal: Terminal): Promise<Map<string, string>> {
  const files = await ruleFiles([folder], terminal);
  return new Map(files.map(({ name }) => [relative(folder, name), name]));
}
