/** The constants that generated bundles and requests are made of: few, so that they meet, and awkward. */

export const fields: readonly string[] = [
  ...[
    'a',
    'n',
    's',
    'args.to',
    'args.n',
    'args.deep.x',
    'list',
    'über.名',
    'any',
    'not',
    'contains',
    'toString',
    'hasOwnProperty',
  ],
  ...['constructor', '__proto__.x', 'a.constructor', 'a.length', 's.0', 'valueOf.x', '__proto'],
];

export const numbers: readonly number[] = [
  ...[0, -0, 1, -1, 2, 5, 30, 85, 0.1, 0.3, 0.1 + 0.2, 1e308, -1e308, 5e-324, 2 ** 53, 2 ** 53 + 2, 1e21, 1e-7],
];

export const strings: readonly string[] = [
  ...[
    '',
    'a',
    'b',
    'ab',
    'abc',
    'spam',
    'Spam',
    ' spam ',
    'A',
    'é',
    'e\u0301',
    '\uff5e',
    '😀',
    '\ud83d',
    '\ude00',
    '\ud83d\uffff',
    'ß',
  ],
  ...['>30', '30', '0', 'true', 'null', '2026-01-01T00:00:00.000Z', 'example.com', 'Ann@X.org', 'İ'],
];

export const patterns: readonly string[] = [
  ...[
    'b+',
    '^a',
    'c$',
    '(?i)spam',
    '^.$',
    '^(a+)+$',
    '',
    '[a-c]{2}',
    '\\d+',
    'é',
    '😀',
    '\\bspam\\b',
    '[^a]',
    '(?s)a.b',
  ],
];

export const hostNames: readonly string[] = [
  ...[
    'example.com',
    'Example.COM',
    'www.example.com',
    'münchen.de',
    'test',
    '127.0.0.1',
    'co.uk.',
    'xn--mnchen-3ya.de',
  ],
];

export const memberLists = ['vip', 'lower-list', 'email-list', 'host-list', 'constructor'].map((list) => ({ list }));

export const lists = [
  {
    vip: { values: ['a', 'spam', 1, true, null, 'Ann@X.org'] },
    'lower-list': { values: ['SPAM', 'Ab', 'É', 'İ', 2], normalize: 'lower' },
    'email-list': { values: [' Ann@x.ORG', 'bob@example.com'], normalize: 'email' },
    'host-list': { values: ['https://Example.com/x', 'bob@münchen.de', 'no host', 'test.', 30], normalize: 'host' },
    constructor: { values: ['abc', -0] },
    domains: { values: ['Example.com', 'münchen.de', 'test'] },
  },
  {
    vip: { values: [] },
    'lower-list': { values: ['a', ' spam '], normalize: 'lower' },
    'email-list': { values: ['A', 'spam'], normalize: 'email' },
    'host-list': { values: ['example.com', '127.1', 'a@b@c'], normalize: 'host' },
    constructor: { values: ['😀', 85, false] },
    domains: { values: ['co.uk'], normalize: 'host' },
  },
] as const;

/** Values of every type; equal objects in different key order, and prototype names as own keys. */
export const anything: readonly unknown[] = [
  ...[
    0,
    1,
    85,
    'a',
    'spam',
    '1',
    'https://example.com',
    true,
    false,
    null,
    {},
    [],
    [1],
    ['a', 'b'],
    ['b', 'a'],
    [null],
    [[]],
  ],
  ...[
    { x: 1 },
    { x: 1, y: [2] },
    { y: [2], x: 1 },
    { x: -0 },
    { x: 0 },
    { x: null },
    [{ x: 1 }],
    { '0': 'a', length: 1 },
    ['a', 1, true],
  ],
  ...[JSON.parse('{"__proto__": {"x": 1}}'), JSON.parse('{"constructor": 1, "n": 2}'), { x: { x: {} } }],
];

/** What is empty, and what only looks it. */
export const emptyAndNot: readonly unknown[] = ['', [], {}, ' ', [null], [[]], { x: null }, 0, false, null];

/** A constant, and the values beside it. */
export function near(constant: unknown): unknown[] {
  if (typeof constant === 'number') {
    const values = [
      constant,
      constant,
      constant,
      constant + 1,
      constant - 1,
      beside(constant, 1),
      beside(constant, -1),
      -constant,
    ];
    return [...values.filter(Number.isFinite), String(constant)];
  }
  if (typeof constant === 'string') {
    const longer = [
      `${constant}a`,
      `a${constant}`,
      ` ${constant}`,
      `${constant}\uffff`,
      `${constant}😀`,
      `${constant}\u0000`,
    ];
    const cased = [constant.toUpperCase(), constant.toLowerCase(), constant.slice(0, -1), constant.slice(1)];
    return [constant, constant, constant, ...longer, ...cased, [constant], [constant, 'x'], [constant, 1]];
  }
  return [constant, [constant], String(constant)];
}

/** The neighbouring double. */
function beside(value: number, step: 1 | -1): number {
  const double = new Float64Array([value === 0 ? 5e-324 : value]);
  const bits = new BigInt64Array(double.buffer);
  bits[0] = (bits[0] ?? 0n) + BigInt(step);
  return double[0] ?? 0;
}

/** Addresses at and around a domain, and strings that only look like one. */
export function addressesOf(constant: unknown): unknown[] {
  const d = String(constant);
  const inside = [
    `https://${d}/`,
    `https://www.${d}:8080/x`,
    `bob@${d}`,
    `Bob@Mail.${d.toUpperCase()}`,
    `http://${d}./`,
    `x://${d}`,
  ];
  const outside = [
    `https://not${d}`,
    `https://${d}.evil.com/`,
    `https://${d}@evil.com/`,
    `bob@${d}.evil.com`,
    `http:\\\\evil.com\\@${d}`,
  ];
  const none = [
    d,
    `//${d}`,
    `mailto:bob@${d}`,
    `a@b@${d}`,
    `Bob <bob@${d}>`,
    `bob@${d},x@y`,
    `bob@${d}?.evil.com`,
    `b\tob@${d}`,
    `bob@${d}/`,
    'data:,',
  ];
  return [
    ...inside,
    ...inside,
    ...outside,
    ...none,
    [`https://${d}/`, `bob@${d}`],
    [`https://${d}/`, 'https://evil.com'],
    [`bob@${d}`, 1],
    7,
  ];
}
