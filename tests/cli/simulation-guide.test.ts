import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from './cli.testkit.js';

const guide = readFileSync(fileURLToPath(new URL('../../docs/simulation.md', import.meta.url)), 'utf8');
const commands = [...guide.matchAll(/^npx policy-studio (.*)$/gm)].map(([, line]) => line ?? '');

it('docs/simulation.md shows how to simulate, compare, test and mutate', () => {
  expect(commands).toHaveLength(4);
});

it.each(commands)('the command of docs/simulation.md works: %s', async (line) => {
  const { code, stdout, stderr } = await run(line.split(' '));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  if (line.includes('--compare')) expect(stdout).toMatch(/change/i);
  if (line.includes('--mutate')) expect(stdout).toMatch(/Changes noticed: \d+ of \d+/);
  expect(stdout).toMatch(/\d+ (synthetic )?cases?|passed/);
});
