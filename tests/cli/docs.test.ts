import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { exitCodes } from '@policy-studio/cli';
import { expect, it } from 'vitest';
import { run } from './cli.testkit.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const blocks = (text: string, language: string) =>
  [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , body]) => body ?? '');

it('every example of docs/sdk.md, docs/simulation.md and the README compiles', async () => {
  const pages = ['docs/sdk.md', 'docs/simulation.md'].map(read);
  const examples = [...pages.flatMap((page) => blocks(page, 'ts')), ...blocks(read('README.md'), 'js')];
  expect(examples.length).toBeGreaterThan(4);
  // Inside the repository, so that the packages are found.
  const folder = mkdtempSync(join(root, 'tests/cli/.examples-'));
  try {
    examples.forEach((example, index) => {
      writeFileSync(join(folder, `example-${index}.ts`), example);
    });
    const config = { extends: join(root, 'tsconfig.tests.json'), include: [`${folder}/*.ts`], exclude: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    await promisify(execFile)(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('docs/cli.md names every command, and no option that does not exist', async () => {
  const text = read('docs/cli.md');
  const commandsOf = async (...path: string[]) => {
    const { stdout } = await run([...path, '--help']);
    const listed = stdout.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '';
    return [...listed.matchAll(/^ {2}([a-z]+(?:-[a-z]+)*)/gm)]
      .map(([, name]) => name ?? '')
      .filter((name) => name !== 'help');
  };
  const known = new Set(['--help']);
  for (const command of await commandsOf()) {
    expect(text).toContain(`${command}`);
    const children = await commandsOf(command);
    for (const path of children.length === 0 ? [[command]] : children.map((child) => [command, child])) {
      for (const [option] of (await run([...path, '--help'])).stdout.matchAll(/--[a-z][a-z-]+/g)) known.add(option);
      expect(text).toMatch(new RegExp(`\`(${path[0]} )?${path.at(-1)}\\b|^##+ ${path[0]}$`, 'm'));
    }
  }
  const named = [...text.matchAll(/--[a-z][a-z-]+/g)].map(([option]) => option);
  expect(named.filter((option) => !known.has(option))).toEqual([]);
});

it('docs/cli.md gives the exit codes', () => {
  const documented = [...read('docs/cli.md').matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
  expect(documented).toEqual(Object.values(exitCodes));
});
