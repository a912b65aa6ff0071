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
const mostBytes = 64 * 1024 * 1024;
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
  const git = (...args: string[]) => runGit(args, folder, env);
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
        return at === undefined || path === '' ? [] : [`${at}:${path}`];
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
      for (const version of await found) {
        // The commit that deleted a file does not hold it.
        const text = await git('cat-file', 'blob', version).catch((error: unknown) => {
          if (error instanceof GitError) return null;
          throw error;
        });
        if (text !== null) yield text;
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

async function runGit(args: readonly string[], folder: string, env: Terminal['env']): Promise<string> {
  // A repository's own settings may name programs to run; none of them is needed here.
  const safe = [
    '-c',
    'core.fsmonitor=false',
    '-c',
    'core.quotePath=false',
    '-c',
    'log.showSignature=false',
    '--no-pager',
    '--literal-pathspecs',
  ];
  const settings = { ...env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_NO_LAZY_FETCH: '1', GIT_TERMINAL_PROMPT: '0' };
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: settings, maxBuffer: mostBytes, encoding: 'utf8' } as const;
    execFile('git', [...safe, ...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const { code } = error as { code?: unknown };
      if (code === 'ENOENT') reject(unusable('there is no command `git`: install it, or put it into $PATH'));
      else if (typeof code === 'number') reject(new GitError(stderr.trim()));
      else reject(unusable(`git ${args[0] ?? ''} failed: ${stderr.trim() || error.message}`));
    });
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
