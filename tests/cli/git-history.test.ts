import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { noStyle, type Terminal } from '../../packages/cli/src/output.js';
import { type GitHistory, gitHistory } from '../../packages/cli/src/sync/git-history.js';
import { workFolder } from './cli.testkit.js';

const { path } = workFolder();
const printer = { write: () => {}, isTerminal: false, columns: 80, style: noStyle };
const terminal: Terminal = {
  out: printer,
  err: printer,
  env: process.env,
  now: () => 0,
  stdin: (async function* () {})(),
};
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: path, stdio: 'pipe' });
const write = (name: string, text: string) => {
  mkdirSync(dirname(join(path, name)), { recursive: true });
  writeFileSync(join(path, name), text);
};
const commit = (message: string) => {
  git('add', '--all');
  git('commit', '--quiet', '--message', message);
};
const open = async (folder = 'p') => (await gitHistory(join(path, folder), ['a', 'b'], terminal)) as GitHistory;
const textsOf = async (name: string) => {
  const found: string[] = [];
  for await (const text of (await open()).texts(name)) found.push(text);
  return found;
};
const odd = 'a/odd "name" \u00e4 $(x).yaml';

beforeAll(() => {
  git('init', '--quiet', '--initial-branch', 'main');
  write('p/a/one.yaml', '1\n');
  write(`p/${odd}`, '');
  commit('one');
  git('checkout', '--quiet', '-b', 'side');
  write('p/a/one.yaml', 'side\n');
  commit('side');
  git('checkout', '--quiet', 'main');
  write('p/a/one.yaml', 'main\n');
  commit('main');
  try {
    git('merge', 'side');
  } catch {
    // They conflict, as they are meant to.
  }
  write('p/a/one.yaml', 'both\n');
  commit('merged');
  write('p/b/gone.yaml', 'x\n');
  write(`p/${odd}`, 'no end of line');
  commit('more');
  rmSync(join(path, 'p/b/gone.yaml'));
  commit('gone');
});

it('tells every text that a file had, the sides of a merge and what it made of them included', async () => {
  const texts = await textsOf('a/one.yaml');
  expect(texts[0]).toBe('both\n');
  expect([...texts].sort()).toEqual(['1\n', 'both\n', 'main\n', 'side\n']);
});

it('reads names and texts of any kind, and a file that is gone', async () => {
  expect(await textsOf('b/gone.yaml')).toEqual(['x\n']);
  expect(await textsOf('a/none.yaml')).toEqual([]);
  expect(await textsOf(odd)).toEqual(['no end of line', '']);
  expect(await (await open()).deleted(['b'])).toEqual(['b/gone.yaml']);
});

it('tells what is not committed: changed, new, staged and removed files that matter', async () => {
  expect((await open()).uncommitted).toEqual([]);
  write('p/a/one.yaml', 'changed\n');
  write('p/a/new.yaml', 'new\n');
  write('p/c/other.yaml', 'no matter\n');
  write('elsewhere.yaml', 'no matter\n');
  rmSync(join(path, `p/${odd}`));
  expect((await open()).uncommitted).toEqual(['a/new.yaml', odd, 'a/one.yaml']);
  git('add', '--all');
  expect((await open()).uncommitted).toEqual(['a/new.yaml', odd, 'a/one.yaml']);
});

it('is none without a repository, or without a commit', async () => {
  const other = workFolder().path;
  expect(await gitHistory(other, [], terminal)).toBeNull();
  execFileSync('git', ['init', '--quiet'], { cwd: other });
  expect(await gitHistory(other, [], terminal)).toBeNull();
});

it('says that there is no git', async () => {
  await expect(gitHistory(path, [], { ...terminal, env: { PATH: '/nowhere' } })).rejects.toThrow('no command `git`');
});
