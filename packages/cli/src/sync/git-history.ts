import { execFile } from 'node:child_process';
import { unusable } from '../exit-code.js';
import type { Terminal } from '../output.js';

/** What Git knows of a folder. Names are paths within the folder, with `/`. */
export interface GitHistory {
  /** The commit that is checked out. */
  readonly commit: string;
  /** Files that are not as they were committed, new and ignored ones included; by name. */
  readonly uncommitted: readonly string[];
  /** A part of the history was not fetched. */
  readonly shallow: boolean;
  /** The texts that a file had in the last 1,000 commits that changed it, newest first; also of a file that is gone. */
  texts(name: string): AsyncGenerator<string, void, undefined>;
  /** Files below the paths that a commit deleted or renamed. */
  deleted(paths: readonly string[]): Promise<readonly string[]>;
}

const mostCommits = 1000;
const mostBytes = 128 * 1024 * 1024;
const mostAtOnce = 64;
/** Those of GitHub and of most others have 40, of SHA-256 repositories 64. */
const commitName = /^[0-9a-f]{40,64}$/;

/**
 * The history of a folder in a Git repository with a commit; null when it is in none. `paths` are those of its files that
 * matter. Throws a CommandFailure when there is no `git`, or it fails.
 */
export async function gitHistory(
  folder: string,
  paths: readonly string[],
  { env }: Terminal,
): Promise<GitHistory | null> {
  const git = async (...args: string[]) => (await runGit(args, folder, env)).toString('utf8');
  const head = await git('rev-parse', '--verify', 'HEAD^{commit}').catch((error: unknown) => {
    if (!(error instanceof GitError)) throw error;
    // Outside of a repository, or in one without a commit; else there is one that git will not read, and says why.
    if (/not a git repository|Needed a single revision/i.test(error.message)) return null;
    throw unusable(`${folder}: ${error.message}`);
  });
  if (head === null) return null;
  const commit = head.trim();
  if (!commitName.test(commit)) throw unusable(`${folder}: git names no commit`);
  const prefix = (await git('rev-parse', '--show-prefix')).replace(/\n$/, '');
  const status = await git(
    'status',
    '--porcelain=v1',
    '-z',
    '--no-renames',
    '--untracked-files=all',
    '--ignored',
    '--',
    ...paths,
  );
  const uncommitted = status
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => line.slice(3).slice(prefix.length));
  const shallow = (await git('rev-parse', '--is-shallow-repository')).trim() === 'true';
  const known = new Map<string, Promise<string[]>>();
  /** `commit:path` of every version; a file that was renamed is followed. */
  const versions = async (name: string): Promise<string[]> => {
    const log = await git(
      'log',
      '--follow',
      `--max-count=${mostCommits}`,
      // What a merge made of its sides is a state of its own.
      '--diff-merges=first-parent',
      '--format=%x00%H',
      '--name-only',
      '--',
      name,
    );
    return log
      .split('\0')
      .map((entry) => entry.trim().split('\n'))
      .flatMap(([at, ...names]) => {
        const path = names.at(-1) ?? '';
        if (at === undefined || path === '') return [];
        // Names with quotes or control characters are printed quoted: the file is looked for under the name it has.
        return [path.startsWith('"') ? `${at}:./${name}` : `${at}:${path}`];
      });
  };
  return {
    commit,
    uncommitted: [...new Set(uncommitted)].sort(),
    shallow,
    async *texts(name) {
      let found = known.get(name);
      if (found === undefined) {
        found = versions(name);
        known.set(name, found);
      }
      const all = await found;
      // One process for each is slow, and all at once may be more than fits: the first by itself, since it mostly is the one.
      for (let at = 0, many = 1; at < all.length; ) {
        const texts = blobsIn(await runGit(['cat-file', '--batch'], folder, env, all.slice(at, at + many)));
        yield* texts;
        at += many;
        const largest = texts.reduce((most, text) => Math.max(most, text.length), 1);
        many = Math.max(1, Math.min(mostAtOnce, Math.floor(mostBytes / 8 / largest)));
      }
    },
    async deleted(below) {
      const log = await git(
        'log',
        '--diff-filter=D',
        '--no-renames',
        '--format=',
        '--name-only',
        '-z',
        '--relative',
        '--',
        ...below,
      );
      return [...new Set(log.split('\0').map((name) => name.trim()))].filter((name) => name !== '').sort();
    },
  };
}

/** Git ran and said no. */
class GitError extends Error {}

/** The texts in the output of `cat-file --batch`; what is missing, as in the commit that deleted a file, is passed over. */
function blobsIn(output: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(0x0a, at);
    const head = output.toString('utf8', at, end);
    const [, type, size] = /^[0-9a-f]+ (\w+) (\d+)$/.exec(head) ?? [];
    at = end + 1;
    if (size === undefined) continue;
    if (type === 'blob') texts.push(output.toString('utf8', at, at + Number(size)));
    at += Number(size) + 1;
  }
  return texts;
}

/** What git prints. `lines` are its input. */
async function runGit(
  args: readonly string[],
  folder: string,
  env: Terminal['env'],
  lines: readonly string[] = [],
): Promise<Buffer> {
  // A repository's own settings may name programs to run; none of them is needed here.
  const safe = [
    ...['core.fsmonitor=false', 'core.quotePath=false', 'log.showSignature=false'].flatMap((each) => ['-c', each]),
    '--no-pager',
    '--literal-pathspecs',
  ];
  const settings = { ...env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_NO_LAZY_FETCH: '1', GIT_TERMINAL_PROMPT: '0' };
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: settings, maxBuffer: mostBytes, encoding: 'buffer' } as const;
    const child = execFile('git', [...safe, ...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const { code } = error as { code?: unknown };
      const told = stderr.toString('utf8').trim();
      if (code === 'ENOENT') reject(unusable('there is no command `git`: install it, or put it into $PATH'));
      else if (typeof code === 'number') reject(new GitError(told));
      else reject(unusable(`git ${args[0] ?? ''} failed: ${told || error.message}`));
    });
    // A git that ended early says why by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(lines.map((line) => `${line}\n`).join(''));
  });
}

type Parse<D> = (text: { readonly text: string; readonly format: 'json' | 'yaml' }) => D | readonly unknown[];

/** The documents that a file held, newest first. Commits in which it cannot be read are passed over. */
export async function* pastDocuments<D extends object>(
  history: GitHistory | null,
  name: string,
  parse: Parse<D>,
): AsyncGenerator<D, void, undefined> {
  if (history === null) return;
  const format = name.endsWith('.json') ? 'json' : 'yaml';
  for await (const text of history.texts(name)) {
    const document = parse({ text, format });
    if (!Array.isArray(document)) yield document as D;
  }
}

/** Whether a file held, in some commit, a document of which this is true. */
export async function wasHeld<D extends object>(
  history: GitHistory | null,
  name: string,
  parse: Parse<D>,
  matches: (document: D) => boolean,
): Promise<boolean> {
  for await (const document of pastDocuments(history, name, parse)) if (matches(document)) return true;
  return false;
}
