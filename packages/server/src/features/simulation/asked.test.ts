import { describe, expect, test } from 'vitest';
import { Refusal } from '../../refusal.js';
import { askedOf } from './asked.js';

const now = new Date('2026-05-08T12:00:00Z');
const rules: never[] = [];
const day = 24 * 3_600_000;

function dataset(body: object) {
  const asked = askedOf({ kind: 'simulate', rules, ...body }, now);
  if (asked instanceof Refusal) throw new Error(asked.detail);
  return asked.dataset;
}
function paths(body: object): string[] {
  const asked = askedOf({ kind: 'simulate', ...body } as never, now);
  return asked instanceof Refusal ? asked.errors.map(({ path }) => path) : [];
}

describe('what a simulation runs on', () => {
  test('is the dataset that is named, with its defaults', () => {
    expect(dataset({ dataset: 'fixtures' })).toEqual({ name: 'fixtures' });
    expect(dataset({ dataset: 'synthetic' })).toEqual({ name: 'synthetic', count: 100, seed: 1337 });
    expect(dataset({ dataset: 'synthetic', synthetic_count: 7, seed: 0 })).toMatchObject({ count: 7, seed: 0 });
    expect(dataset({ dataset: 'replay' })).toEqual({
      name: 'replay',
      window: { fromMs: now.getTime() - 7 * day, toMs: now.getTime() },
      limit: 10_000,
    });
  });

  test('shows from what is given when it is not named, and is the nine fixtures when nothing is', () => {
    expect(dataset({}).name).toBe('fixtures');
    expect(dataset({ seed: 5 })).toMatchObject({ name: 'synthetic', seed: 5, count: 100 });
    expect(dataset({ synthetic_count: 5 })).toMatchObject({ name: 'synthetic', count: 5 });
    expect(dataset({ window: {} }).name).toBe('replay');
    expect(dataset({ custom_cases: [] })).toEqual({ name: 'custom', cases: [] });
    expect(dataset({ custom_source: { format: 'csv', text: '' } })).toMatchObject({ name: 'custom' });
  });

  test('is replaced by custom cases', () => {
    for (const named of ['fixtures', 'synthetic', 'replay', 'custom']) {
      expect(dataset({ dataset: named, custom_cases: [] })).toEqual({ name: 'custom', cases: [] });
    }
  });

  test('is a window of the past, to the millisecond', () => {
    expect(dataset({ window: { from: '2026-05-01T00:00:00Z', to: '2026-05-02T00:00:00.0001Z', limit: 5 } })).toEqual({
      name: 'replay',
      window: { fromMs: Date.parse('2026-05-01T00:00:00Z'), toMs: Date.parse('2026-05-02T00:00:00Z') },
      limit: 5,
    });
    expect(dataset({ window: { days: 0.5, agent: 'a', bundle_id: 3 } })).toMatchObject({
      window: { fromMs: now.getTime() - day / 2, agent: 'a', bundleId: 3 },
    });
    expect(dataset({ window: { to: '2026-05-02T00:00:00Z', days: 1 } })).toMatchObject({
      window: { fromMs: Date.parse('2026-05-01T00:00:00Z') },
    });
  });
});

describe('a request is refused', () => {
  test.each([
    ['without rules', {}, ['/rules']],
    ['with rules twice', { rules, bundle_id: 1 }, ['/bundle_id']],
    ['with custom cases that are not there', { rules, dataset: 'custom' }, ['/custom_cases']],
    [
      'with custom cases twice',
      { rules, custom_cases: [], custom_source: { format: 'csv', text: '' } },
      ['/custom_source'],
    ],
    ['with a window on another dataset', { rules, dataset: 'fixtures', window: {} }, ['/window']],
    ['with a window beside custom cases', { rules, custom_cases: [], window: {} }, ['/window']],
    ['with a window that ends before it begins', { rules, window: { from: '2027-01-01T00:00:00Z' } }, ['/window/from']],
    ['with two beginnings', { rules, window: { from: '2026-01-01T00:00:00Z', days: 1 } }, ['/window/days']],
    ['with a leap second', { rules, window: { to: '2016-12-31T23:59:60Z' } }, ['/window/to']],
    ['for all of it at once', { dataset: 'custom' }, ['/rules', '/custom_cases']],
  ])('%s', (_name, body, expected) => {
    expect(paths(body)).toEqual(expected);
  });

  test('when one side of a comparison is missing, by the name of that side', () => {
    const asked = askedOf({ kind: 'compare', rules_a: rules, bundle_b: 2 }, now);
    expect(asked).toMatchObject({
      rules: [
        { place: 'rules_a', rules },
        { place: 'bundle_b', bundleId: 2 },
      ],
    });
    const refused = askedOf({ kind: 'compare', rules_a: rules, bundle_a: 1 }, now) as Refusal;
    expect(refused.errors.map(({ path }) => path)).toEqual(['/bundle_a', '/rules_b']);
  });
});
