import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './named.testkit.js';

const text = readFileSync(join(root, 'docs/security.md'), 'utf8');
/** Rows of the tables of threats: letter, threat, answer, test. */
const threats = [...text.matchAll(/^\| ([STRIDE]?) \| (.+?) \| (.+?) \| ?(.*?) ?\|$/gm)].map(
  ([, letter = '', threat = '', answer = '', test = '']) => ({ letter, threat, answer, test }),
);

/** The short names of folders, as the page says. */
function fileOf(path: string): string {
  if (path.startsWith('src/')) return join('packages/server', path);
  return join(/^(features|database)\//.test(path) ? 'packages/server/src' : 'tests', path);
}

/** Why a cell names no test that is there; null: it does. */
function missing(cell: string): string | null {
  const named = /^`([^`]+\.test\.ts)` "([^"]+)"$/.exec(cell);
  if (!named) return `no test is named: ${cell}`;
  const [, path = '', title = ''] = named;
  const file = join(root, fileOf(path));
  if (!existsSync(file)) return `${path} is not there`;
  const titles = [
    ...readFileSync(file, 'utf8').matchAll(/\b(?:describe|it|test)(?:\.\w+(?:\([^()]*\))?)*\(\s*(['"`])(.*?)\1/gs),
  ];
  const eachTitles = [...readFileSync(file, 'utf8').matchAll(/\]\s*(?:as const)?\s*\)\(\s*(['"`])(.*?)\1/gs)];
  const held = [...titles, ...eachTitles].some(([, , each = '']) => each.includes(title));
  return held ? null : `${path} has no test "${title}"`;
}

it('every threat has a test that is there, or is accepted with a reason', () => {
  expect(threats.length).toBeGreaterThan(50);
  const open = threats.flatMap(({ letter, threat, answer, test }) => {
    const accepted = threat.startsWith('**accepted**: ');
    if (accepted)
      return letter === '' && answer.length > 20 && test === '' ? [] : [`${threat}: accepted without a reason`];
    const why = letter === '' ? 'no letter' : missing(test);
    return why === null ? [] : [`${threat}: ${why}`];
  });
  expect(open).toEqual([]);
});

it('would tell of one that is not', () => {
  expect(missing('`access/roles.test.ts` "no such test"')).toContain('has no test');
  expect(missing('`access/none.test.ts` "x"')).toContain('is not there');
  expect(missing('by hand')).toContain('no test is named');
});

it('all six letters are looked through', () => {
  const letters = new Set(threats.map(({ letter }) => letter));
  expect([...letters].sort().join('')).toBe('DEIRST');
});
