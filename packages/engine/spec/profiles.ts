/**
 * What the generated bundles are like: several profiles, because one of them misses bugs. What is rare in general is
 * common in one of the others.
 */
import fc from 'fast-check';
import type { FormTest } from './form.js';
import * as pool from './pool.js';

export interface Profile {
  readonly fields: readonly string[];
  readonly tests: (fields: readonly string[]) => fc.Arbitrary<FormTest>;
  readonly rules: { readonly min: number; readonly max: number };
  readonly testsPerRule: { readonly min: number; readonly max: number };
  readonly depth: number;
  readonly agents: readonly string[];
  readonly actions: readonly string[];
  readonly requestAgents: readonly string[];
  readonly requestActions: readonly string[];
}

const onePair = {
  ...{ agents: ['inbox.triage'], actions: ['quarantine'] },
  ...{ requestAgents: ['inbox.triage'], requestActions: ['quarantine'] },
};

const somePairs = {
  agents: ['inbox.triage', 'inbox.triage', 'inbox.triage', '*', 'inbox.*', 'planner.deploy'],
  actions: ['quarantine', 'quarantine', 'quarantine', '*', 'github.*', 'github.create_issue'],
  requestAgents: ['inbox.triage', 'inbox.triage', 'inbox.triage', 'inbox', 'planner.deploy'],
  requestActions: ['quarantine', 'quarantine', 'quarantine', 'github.create_issue', 'github'],
};

const manyPairs = {
  agents: [
    '*',
    'inbox',
    'inbox.*',
    'inbox.triage',
    'inbox.a.*',
    'inbox.a.b',
    'inb.*',
    'constructor',
    '__proto__.*',
    'a',
  ],
  actions: ['*', 'github', 'github.*', 'github.create_issue', 'github.a.*', 'toString', 'x', 'quarantine'],
  requestAgents: [
    'inbox',
    'inbox.triage',
    'inbox.a',
    'inbox.a.b',
    'inbox.a.b.c',
    'constructor',
    '__proto__',
    '__proto__.x',
    'a',
    'no',
  ],
  requestActions: [
    'github',
    'github.create_issue',
    'github.a',
    'github.a.b',
    'toString',
    'valueOf',
    'x',
    'quarantine',
    'no',
  ],
};

const sixFields = ['a', 'n', 's', 'args.to', 'args.n', 'list'];

export const profiles = {
  general: {
    ...somePairs,
    fields: pool.fields,
    tests: anyTest,
    rules: { min: 0, max: 8 },
    testsPerRule: { min: 0, max: 5 },
    depth: 3,
  },
  'one string field': {
    ...onePair,
    fields: ['s'],
    tests: stringTest,
    rules: { min: 1, max: 7 },
    testsPerRule: { min: 0, max: 3 },
    depth: 2,
  },
  'one number field': {
    ...onePair,
    fields: ['n'],
    tests: numberTest,
    rules: { min: 1, max: 7 },
    testsPerRule: { min: 0, max: 3 },
    depth: 2,
  },
  arrays: {
    ...onePair,
    fields: ['tags', 'list'],
    tests: arrayTest,
    rules: { min: 1, max: 6 },
    testsPerRule: { min: 0, max: 3 },
    depth: 2,
  },
  opaque: {
    ...onePair,
    fields: ['u', 'to', 's'],
    tests: opaqueTest,
    rules: { min: 1, max: 5 },
    testsPerRule: { min: 0, max: 3 },
    depth: 2,
  },
  'one pair, many rules': {
    ...onePair,
    fields: sixFields,
    tests: anyTest,
    rules: { min: 33, max: 200 },
    testsPerRule: { min: 3, max: 5 },
    depth: 1,
  },
  'one pair, many thresholds': {
    ...onePair,
    fields: ['a', 'n', 's'],
    tests: indexedTest,
    rules: { min: 33, max: 200 },
    testsPerRule: { min: 3, max: 5 },
    depth: 0,
  },
  wildcards: {
    ...manyPairs,
    fields: ['n', 's'],
    tests: indexedTest,
    rules: { min: 5, max: 60 },
    testsPerRule: { min: 0, max: 2 },
    depth: 1,
  },
} satisfies Record<string, Profile>;

export type ProfileName = keyof typeof profiles;

// ---- tests

const scalar = fc.oneof(
  fc.constantFrom(...pool.numbers),
  fc.constantFrom(...pool.strings),
  fc.constantFrom(true, false),
);
const scalarOrNull = fc.oneof({ weight: 8, arbitrary: scalar }, { weight: 1, arbitrary: fc.constant(null) });
const scalars = fc.array(scalarOrNull, { maxLength: 4 });

function test(
  field: fc.Arbitrary<string>,
  operators: readonly string[],
  right: fc.Arbitrary<unknown>,
): fc.Arbitrary<FormTest> {
  return fc.record({ field, operator: fc.constantFrom(...operators), right });
}

const order = ['>=', '<=', '>', '<'];

function numberTest(fields: readonly string[]): fc.Arbitrary<FormTest> {
  const field = fc.constantFrom(...fields);
  const number = fc.oneof(
    fc.constantFrom(...pool.numbers),
    fc.integer({ min: 0, max: 20 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  return fc.oneof(
    { weight: 6, arbitrary: test(field, [...order, '==', '!='], number) },
    { weight: 2, arbitrary: test(field, ['in', 'not_in', 'any_in', 'all_in'], fc.array(number, { maxLength: 4 })) },
    { weight: 1, arbitrary: test(field, ['exists', 'is_empty'], fc.boolean()) },
    { weight: 1, arbitrary: test(field, ['contains', 'not_contains'], number) },
  );
}

function stringTest(fields: readonly string[]): fc.Arbitrary<FormTest> {
  const field = fc.constantFrom(...fields);
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...pool.strings) },
    { weight: 1, arbitrary: fc.string({ maxLength: 3, unit: 'binary' }) },
  );
  return fc.oneof(
    { weight: 4, arbitrary: test(field, [...order, '==', '!='], text) },
    {
      weight: 2,
      arbitrary: test(
        field,
        ['in', 'not_in', 'any_in', 'all_in'],
        fc.oneof(fc.array(text, { maxLength: 4 }), fc.constantFrom(...pool.memberLists)),
      ),
    },
    { weight: 2, arbitrary: test(field, ['contains', 'not_contains', 'starts_with', 'ends_with'], text) },
    { weight: 1, arbitrary: test(field, ['exists', 'is_empty'], fc.boolean()) },
    { weight: 1, arbitrary: test(field, ['matches'], fc.constantFrom(...pool.patterns)) },
  );
}

function arrayTest(fields: readonly string[]): fc.Arbitrary<FormTest> {
  const field = fc.constantFrom(...fields);
  const other = fc.record({ field: fc.constantFrom(...fields) });
  return fc.oneof(
    {
      weight: 4,
      arbitrary: test(
        field,
        ['any_in', 'all_in', 'in', 'not_in'],
        fc.oneof(scalars, fc.constantFrom(...pool.memberLists), other),
      ),
    },
    { weight: 3, arbitrary: test(field, ['contains', 'not_contains'], fc.oneof(scalar, other)) },
    { weight: 2, arbitrary: test(field, ['==', '!='], fc.oneof(scalarOrNull, other)) },
    { weight: 1, arbitrary: test(field, ['exists', 'is_empty'], fc.boolean()) },
  );
}

function opaqueTest(fields: readonly string[]): fc.Arbitrary<FormTest> {
  const field = fc.constantFrom(...fields);
  const other = fc.record({ field });
  const hosts = fc.array(fc.constantFrom(...pool.hostNames), { maxLength: 3 });
  const anyRight = [
    ...order,
    '==',
    '!=',
    'in',
    'not_in',
    'any_in',
    'all_in',
    'contains',
    'not_contains',
    'starts_with',
    'ends_with',
    'domain_in',
  ];
  return fc.oneof(
    { weight: 3, arbitrary: test(field, ['domain_in'], fc.oneof(hosts, fc.constant({ list: 'domains' }))) },
    { weight: 3, arbitrary: test(field, anyRight, other) },
    { weight: 2, arbitrary: test(field, ['matches'], fc.constantFrom(...pool.patterns)) },
    { weight: 2, arbitrary: test(field, ['in', 'not_in', 'any_in', 'all_in'], fc.constantFrom(...pool.memberLists)) },
  );
}

/** What an index can answer: comparisons with constants of every type, membership, presence. */
function indexedTest(fields: readonly string[]): fc.Arbitrary<FormTest> {
  const field = fc.constantFrom(...fields);
  return fc.oneof(
    { weight: 5, arbitrary: test(field, ['==', '!='], scalarOrNull) },
    {
      weight: 4,
      arbitrary: test(field, order, fc.oneof(fc.constantFrom(...pool.numbers), fc.constantFrom(...pool.strings))),
    },
    { weight: 3, arbitrary: test(field, ['in', 'not_in', 'any_in', 'all_in'], scalars) },
    { weight: 1, arbitrary: test(field, ['exists', 'is_empty'], fc.boolean()) },
    { weight: 1, arbitrary: test(field, ['in', 'not_in'], fc.constantFrom(...pool.memberLists)) },
  );
}

function anyTest(fields: readonly string[]): fc.Arbitrary<FormTest> {
  return fc.oneof(indexedTest(fields), numberTest(fields), stringTest(fields), arrayTest(fields), opaqueTest(fields));
}
