import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A file that people read, or whose texts they are shown. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

function filesUnder(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function read(path: string): Page {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

/** The README, everything under docs and examples, and the guides of single folders. */
export function documents(): Page[] {
  const paths = ['README.md', ...filesUnder('docs', /\.md$/), ...filesUnder('examples', /\.(md|ya?ml)$/)];
  return paths.sort().map(read);
}

/** The sources whose messages reach people: with what is put into a message shown as `1`. */
export function sources(): Page[] {
  const folders = ['packages/server/src', 'packages/contract/src', 'packages/cli/src', 'packages/sdk/src'];
  return folders
    .flatMap((folder) => filesUnder(folder, /\.ts$/))
    .filter((path) => !/\.(test|testkit)\.ts$/.test(path))
    .sort()
    .map(read)
    .map(({ path, text }) => ({ path, text: text.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '1') }));
}

/** A command as it is named somewhere. */
export interface Named {
  readonly where: string;
  readonly line: string;
  readonly args: readonly string[];
  /** It stands in a block that is meant to be run as it is. */
  readonly whole: boolean;
}

/** Every `policy-studio ...` of a page: of shell blocks whole lines, of prose what follows on the line. */
export function commandsIn({ path, text }: Page): Named[] {
  const blocks = [...text.matchAll(/^```(?:sh|bash|shell|console)\n(.*?)^```$/gms)];
  const prose = text.replaceAll(/^```\w*\n.*?^```$/gms, '');
  return [
    ...blocks.flatMap(([, block = '']) => named(block.replaceAll('\\\n', ' '), path, true)),
    ...named(path.endsWith('.md') ? inCode(prose) : prose, path, false),
  ];
}

/** What of prose is written as code, a piece a line. */
function inCode(prose: string): string {
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replaceAll('\n', ' ')).join('\n');
}

function named(text: string, path: string, whole: boolean): Named[] {
  const found: Named[] = [];
  for (const line of text.split('\n')) {
    for (const { index } of line.matchAll(/(?<![\w./@'"-])policy-studio (?=[a-z])/g)) {
      const args = argumentsOf(line.slice(index + 'policy-studio '.length), whole);
      if (args.length > 0) found.push({ where: path, line: line.trim(), args, whole });
    }
  }
  return found;
}

const word = /\s*(?:"([^"]*)"|'([^']*)'|([^\s"'`|&;)(,>\\]+))/y;

/** The words up to the end of the command: a pipe, a redirection, a quote or, in prose, the end of the phrase. */
function argumentsOf(text: string, whole: boolean): string[] {
  const args: string[] = [];
  word.lastIndex = 0;
  for (let match = word.exec(text); match !== null; match = word.exec(text)) {
    const [, double, single, plain = ''] = match;
    if (double !== undefined || single !== undefined) args.push(double ?? single ?? '');
    else if (plain.startsWith('#') || (/^\d$/.test(plain) && text[word.lastIndex] === '>')) break;
    else {
      const ends = !whole && /[.:]$/.test(plain);
      args.push(ends ? plain.slice(0, -1) : plain);
      if (ends) break;
    }
  }
  return args;
}
