import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { caseLimits } from './case.js';
import { mutantKinds } from './mutants.js';
import { type CaseFormat, parseCases } from './parse-cases.js';
import { parseSuite } from './suite.js';
import { defaultBudgetLimits } from './summary.js';

const guide = readFileSync(new URL('../../../../docs/simulation.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...guide.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , body]) => body ?? '');

it.each<CaseFormat>(['jsonl', 'csv'])('the cases of the guide in %s are read', (format) => {
  const [text] = blocks(format);
  const source = parseCases(text ?? '', format);
  if (Array.isArray(source)) throw new Error(JSON.stringify(source));
  expect(source.cases[0]).toMatchObject({ case_id: 'large payment', expected_effect: 'deny' });
});

it('the rows of the guide hold the values it says', () => {
  const source = parseCases(blocks('csv')[0] ?? '', 'csv');
  if (Array.isArray(source)) throw new Error(JSON.stringify(source));
  expect(source.cases.map(({ context, expected_rule }) => [context, expected_rule])).toEqual([
    [{ amount: 900, payee: { known: false } }, 'deny-large'],
    [{ amount: 20, payee: { known: true }, tags: ['rent', 'monthly'] }, undefined],
    [{ amount: '900', payee: { known: true } }, null],
  ]);
});

it('the suite of the guide is read, with the facts of its clock', () => {
  const suite = parseSuite(blocks('yaml')[0] ?? '', 'yaml');
  if (Array.isArray(suite)) throw new Error(JSON.stringify(suite));
  expect(suite.cases).toHaveLength(3);
  expect(suite.cases[1]?.context).toMatchObject({ current_hour: 3, day_of_week: 'sunday', is_weekend: true });
});

it('the guide names every kind of mutant and the limits', () => {
  for (const kind of mutantKinds) expect(guide).toContain(`| \`${kind}\``);
  expect(guide).toContain(caseLimits.cases.toLocaleString('en'));
  expect(guide).toContain(`above ${defaultBudgetLimits.cost.toLocaleString('en')} USD`);
  expect(guide).toContain(`above ${defaultBudgetLimits.compute} units`);
});
