import type { Operand, Operator, Scalar, Test } from '../condition.js';
import { sortedValues } from '../format-condition.js';
import { nextUp } from './number-cells.js';
import type { Profile, Random } from './rule-sets.testkit.js';

const value = (scalar: Scalar): Operand => ({ kind: 'value', value: scalar });
const list = (name: string): Operand => ({ kind: 'list', name });
const test = (field: string, operator: Operator, operand: Operand): Test => ({
  kind: 'test',
  field,
  operator,
  operand,
});

function values(random: Random, from: readonly Scalar[]): Operand {
  const picked = Array.from({ length: random.below(4) }, () => random.pick(from));
  return { kind: 'values', values: sortedValues(picked) };
}

const orders: readonly Operator[] = ['>=', '<=', '>', '<'];
const presence: readonly Operator[] = ['exists', 'is_empty'];

function presenceTest(random: Random, field: string): Test {
  return test(field, random.pick(presence), value(random.below(2) === 0));
}

function textTest(random: Random, field: string, texts: readonly string[]): Test {
  switch (random.below(6)) {
    case 0:
      return presenceTest(random, field);
    case 1:
      return test(field, random.pick<Operator>(['in', 'not_in', 'any_in', 'all_in']), values(random, texts));
    case 2:
      return test(field, random.pick(orders), value(random.pick(texts)));
    default:
      return test(
        field,
        random.pick<Operator>([
          '==',
          '!=',
          'contains',
          'not_contains',
          'starts_with',
          'ends_with',
          'starts_with',
          'contains',
        ]),
        value(random.pick(texts)),
      );
  }
}

function numberTest(random: Random, field: string, numbers: readonly number[]): Test {
  switch (random.below(8)) {
    case 0:
      return presenceTest(random, field);
    case 1:
      return test(field, random.pick<Operator>(['in', 'not_in', 'any_in', 'all_in']), values(random, numbers));
    default:
      return test(field, random.pick<Operator>(['==', '!=', ...orders, ...orders]), value(random.pick(numbers)));
  }
}

function elementTest(random: Random, field: string, scalars: readonly Scalar[]): Test {
  switch (random.below(7)) {
    case 0:
      return presenceTest(random, field);
    case 1:
    case 2:
      return test(
        field,
        random.pick<Operator>(['contains', 'not_contains']),
        value(random.pick(scalars.filter((each) => each !== null))),
      );
    case 3:
      return test(field, random.pick<Operator>(['==', '!=']), value(random.pick(scalars)));
    default:
      return test(field, random.pick<Operator>(['any_in', 'all_in', 'in']), values(random, scalars));
  }
}

/** All texts over the letters up to the length. */
function wordsOf(letters: readonly string[], length: number): string[] {
  let words = [''];
  const all = [''];
  for (let i = 0; i < length; i++) {
    words = words.flatMap((word) => letters.map((letter) => word + letter));
    all.push(...words);
  }
  return all;
}

/** All arrays over the elements up to the length. */
function arraysOf(elements: readonly unknown[], length: number): unknown[][] {
  let arrays: unknown[][] = [[]];
  const all: unknown[][] = [[]];
  for (let i = 0; i < length; i++) {
    arrays = arrays.flatMap((array) => elements.map((element) => [...array, element]));
    all.push(...arrays);
  }
  return all;
}

const others = [undefined, null, true, 0, [], ['a'], {}, { k: 1 }];
const general: Profile = {
  name: 'general',
  lists: {},
  values: {
    n: [undefined, 0, 1, 2, 2.5, 3, -1, 4, 'a', true],
    s: [undefined, 'a', 'ab', '', 'b', 'zz', 1, ['a'], []],
    o: [
      undefined,
      {},
      { n: 1 },
      { n: 2 },
      { n: 0 },
      { n: 3 },
      { n: 'a' },
      { m: 1 },
      5,
      [1],
      '',
      { n: { k: 1 } },
      { n: true },
      { n: {} },
      { n: [] },
    ],
    b: [undefined, true, false, 'true', {}],
  },
  test(random) {
    switch (random.below(6)) {
      case 0:
        return textTest(random, 's', ['a', 'ab', 'b']);
      case 1:
        return elementTest(random, 'o', [1, 5, '']);
      case 2:
        return numberTest(random, 'o.n', [1, 2]);
      case 3:
        return random.below(2) === 0
          ? test('b', random.pick<Operator>(['==', '!=']), value(random.below(2) === 0))
          : presenceTest(random, random.pick(['b', 'o', 's', 'n', 'o.n']));
      default:
        return numberTest(random, 'n', [1, 2, 3]);
    }
  },
};

const words = ['a', 'b', 'ab', 'ba', 'aa', 'abb', ''];
const text: Profile = {
  name: 'one string field',
  lists: {},
  values: { s: [...others, ...wordsOf(['a', 'b', 'c', '\0'], 4), ...wordsOf(['a', 'b', '~'], 5)] },
  test: (random) => textTest(random, 's', words),
};

const nul: Profile = {
  name: 'strings with the first and neighbouring characters',
  lists: {},
  values: { s: [...others, ...wordsOf(['a', 'b', '\0', '\x01'], 4), 'c', 'aac', '\u{10ffff}', '\uffff'] },
  test: (random) => textTest(random, 's', ['a', 'a\0', 'a\0\0', '\0', 'b', '\x01', 'aa', 'a\x01', 'a\0a']),
};

const arrays: Profile = {
  name: 'arrays',
  lists: {},
  values: {
    l: [
      ...others,
      1,
      2,
      'a',
      'b',
      'c',
      false,
      ...arraysOf([1, 'a', 'b', 'zz', null], 3),
      [{}],
      [[1]],
      [{}, 'a'],
      [true],
    ],
  },
  test: (random) => elementTest(random, 'l', [1, 'a', 'b', null, true]),
};

const edge = [
  0,
  5e-324,
  1,
  nextUp(1),
  nextUp(nextUp(1)),
  2 ** 53,
  2 ** 53 + 2,
  -1,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  0.5,
];
const numbers: Profile = {
  name: 'numbers',
  lists: {},
  values: {
    n: [
      ...others,
      ...edge,
      ...edge.flatMap((x) => [nextUp(x), -nextUp(-x), x + 1, x - 1, x / 2 + 0.25]),
      1e300,
      -1e300,
      3,
      0.25,
    ].filter((x) => typeof x !== 'number' || Number.isFinite(x)),
  },
  test: (random) => numberTest(random, 'n', edge),
};

const week = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const factual: Profile = {
  name: 'facts',
  lists: {},
  values: {
    current_hour: [0, 1, 7, 8, 9, 10, 12, 17, 18, 19, 22, 23],
    day_of_week: week,
    is_weekend: [true, false],
    error_rate_5min: [undefined, 0, 0.05, 0.1, 0.5, 1],
    now: ['2026-01-01T00:00:00.000Z'],
  },
  admits: ({ day_of_week, is_weekend }) => (day_of_week === 'saturday' || day_of_week === 'sunday') === is_weekend,
  test(random) {
    switch (random.below(6)) {
      case 0:
        return test('is_weekend', random.pick<Operator>(['==', '!=', 'exists']), value(random.below(2) === 0));
      case 1:
      case 2:
        return random.below(2) === 0
          ? test('day_of_week', random.pick<Operator>(['in', 'not_in']), values(random, week))
          : test(
              'day_of_week',
              random.pick<Operator>(['==', '!=', '<', 'starts_with', 'contains']),
              value(random.pick([...week, 's', 'day'])),
            );
      case 3:
        return numberTest(random, 'error_rate_5min', [0, 0.1, 1, 2]);
      default:
        return numberTest(random, 'current_hour', [0, 8, 18, 23, 24, -1, 7.5]);
    }
  },
};

const typed: Profile = {
  name: 'typed fields',
  lists: {},
  typing: {
    fields: {
      level: { types: ['string'], required: true, values: ['low', 'high', 'mid'] },
      count: { types: ['integer'], minimum: 0, maximum: 3 },
      flag: { types: ['boolean', 'string'], values: [true, false, 'auto'] },
      tags: { types: ['array'], required: true, items: { types: ['string'], values: ['x', 'y'] } },
    },
  },
  values: {
    level: ['low', 'high', 'mid'],
    count: [undefined, 0, 1, 2, 3],
    flag: [undefined, true, false, 'auto'],
    tags: arraysOf(['x', 'y'], 2),
  },
  test(random) {
    switch (random.below(5)) {
      case 0:
        return textTest(random, 'level', ['low', 'h', 'mid', 'i']);
      case 1:
        return elementTest(random, 'flag', [true, 'auto', 'on']);
      case 2:
        return elementTest(random, 'tags', ['x', 'y', 'z', 1]);
      default:
        return numberTest(random, 'count', [0, 1, 1.5, 2, 3, 7]);
    }
  },
};

const opaque: Profile = {
  name: 'opaque tests',
  lists: {
    vips: { values: ['ann', 'bob'], normalize: 'lower' },
    mails: { values: ['a@x.com', ' b@x.com'], normalize: 'email' },
  },
  values: {
    s: [
      ...others,
      'a',
      'b',
      'ab',
      'ann',
      'Ann',
      'ANN',
      'ann ',
      'bob',
      'xann',
      'A@x.com',
      ' a@x.com',
      'https://x.com/',
      'q',
    ],
    t: [undefined, 'a', 'b', 'ab', 'ann', 1, ['a'], 'zz', {}],
  },
  test(random) {
    switch (random.below(7)) {
      case 0:
        return test('s', 'matches', value(random.pick(['^a', 'b$', '^[a-c]+$', '(?i)ANN', '.', 'x|y', '^$', '\\d'])));
      case 1:
        return test('s', random.pick<Operator>(['==', '!=', '<', 'in', 'contains', 'starts_with']), {
          kind: 'field',
          field: 't',
        });
      case 2:
        return test('s', random.pick<Operator>(['in', 'not_in', 'any_in']), list(random.pick(['vips', 'mails'])));
      case 3:
        return textTest(random, 't', ['a', 'ab', 'b']);
      default:
        return textTest(random, 's', ['a', 'ann', 'b', 'A']);
    }
  },
};

const normalizing: Profile = {
  name: 'lists that normalize',
  lists: {
    vips: { values: ['ann', 'k'], normalize: 'lower' },
    mails: { values: ['a@x.com', 'ann'], normalize: 'email' },
    plain: { values: ['ann', 'K', 1] },
  },
  values: {
    s: [
      ...others,
      1,
      'k',
      'K',
      '\u212a',
      'ann',
      'Ann',
      'ANN',
      'anN',
      ' ann',
      'ann\t',
      ' Ann',
      'A@x.com',
      'a@x.com',
      ' a@x.com',
      'q',
      ['ann'],
      ['ANN', 'k'],
      ['q'],
      ['k', 1],
      ['Ann'],
      ['K'],
      ['\u212a'],
      [' ann'],
      ['A@X.com'],
      ['a@x.com'],
    ],
  },
  test(random) {
    const scalars = ['ann', 'K', 'k', 'ANN', 1, 'Ann'];
    const roll = random.below(6);
    if (roll === 0) return test('s', random.pick<Operator>(['==', '!=']), value(random.pick(scalars)));
    if (roll === 1) return test('s', random.pick<Operator>(['any_in', 'all_in', 'in']), values(random, scalars));
    if (roll === 2) return random.below(2) === 0 ? presenceTest(random, 's') : test('s', 'contains', value(1));
    return test(
      's',
      random.pick<Operator>(['in', 'not_in', 'any_in', 'all_in']),
      list(random.pick(['vips', 'mails', 'plain'])),
    );
  },
};

const hosts: Profile = {
  name: 'hosts',
  lists: {},
  values: {
    u: [
      ...others,
      ...['x.com', 'a.x.com', 'b.a.x.com', 'org', 'y.org', 'net', 'ax.com'].flatMap((host) => [
        `https://${host}/`,
        `http://${host}/p`,
        `q@${host}`,
        host,
        [`https://${host}/`],
        [`https://${host}/`, 'https://y.org/'],
        [`https://${host}/`, 'x'],
      ]),
      'https://x.com',
      'nothing',
      ['nothing'],
    ],
  },
  test(random) {
    const domains = ['x.com', 'a.x.com', 'org', 'y.org'];
    switch (random.below(5)) {
      case 0:
        return presenceTest(random, 'u');
      case 1:
        return random.below(2) === 0
          ? test('u', random.pick<Operator>(['==', '!=']), value(random.pick(['https://x.com/', 'q@y.org', 'nothing'])))
          : test('u', 'contains', value(1));
      default:
        return test('u', 'domain_in', values(random, domains));
    }
  },
};

const hostTexts: Profile = {
  ...hosts,
  name: 'hosts and texts',
  test(random) {
    if (random.below(2) === 0) return hosts.test(random);
    return textTest(random, 'u', ['https://', 'http', '@x.com', '.com', 'q', 'https://a.', 'x']);
  },
};

/** Every profile whose tests the analysis decides, then those it may leave undecided. */
export const decidable = [general, text, nul, arrays, numbers, factual, typed, normalizing, hosts];
export const partlyDecidable = [opaque, hostTexts];
