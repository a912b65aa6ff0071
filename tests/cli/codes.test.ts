import { readFileSync } from 'node:fs';
import { lintCodes } from '@policy-studio/engine';
import { expect, it } from 'vitest';
import { titledCodes } from '../../packages/cli/src/report/code-titles.js';

it('every code of lint has a title in the reports', () => {
  expect(lintCodes.filter((code) => !titledCodes.includes(code))).toEqual([]);
});

it('docs/cli.md names every other code', () => {
  const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const others = titledCodes.filter((code) => !lintCodes.some((known) => known === code));
  expect(others.length).toBeGreaterThan(5);
  expect(others.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
});
