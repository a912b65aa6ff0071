import { type OperationId, operations } from '@policy-studio/contract';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Office, openOffice, rule } from '../../packages/server/src/features/bundles/bundles.testkit.js';

let office: Office;
let bundleId: number;
let approvalId: number;
beforeAll(async () => {
  office = await openOffice();
  await office.call('putList', { params: { name: 'vips' }, body: { values: ['a'] } });
  await office.inForce('1.0.0', [rule('one', { conditions: { sender: { list: 'vips' } } })]);
  bundleId = (await office.draft('1.0.1')).id;
  approvalId = (await office.request(bundleId)).id;
});
afterAll(() => office.close());

const nasty = fc.constantFrom<unknown>(
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '😀',
  'é'.repeat(5000),
  'x'.repeat(70_000),
  '__proto__',
  'constructor',
  '*',
  '1.0.0',
  '01.0.0',
  '2147483648',
  'vips',
  'activation',
  'NaN',
  "'; drop table bundle; --",
  0,
  -0,
  -1,
  1,
  1.5,
  2147483647,
  2147483648,
  9007199254740991,
  1e308,
  -1e-300,
  null,
  true,
  [],
  {},
  [[]],
  [null],
);
const anything = fc.oneof(
  { weight: 3, arbitrary: nasty },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown> },
);
const key = fc.constantFrom(
  'id',
  'agent',
  'action',
  'effect',
  'conditions',
  'reason',
  'priority',
  'budget',
  'metadata',
  'x',
  '__proto__',
);
const wildRule = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(key, anything).map(([name, value]) => rule('one', { [name]: value })) },
  {
    weight: 2,
    arbitrary: fc.dictionary(fc.string(), anything, { maxKeys: 4 }).map((conditions) => rule('one', { conditions })),
  },
  { weight: 1, arbitrary: anything },
);
const wildRules = fc.oneof(
  { weight: 4, arbitrary: fc.array(wildRule, { maxLength: 4 }) },
  { weight: 1, arbitrary: anything },
);
const version = fc.oneof(
  fc.nat(9999).map((n) => `7.${n}.0`),
  anything,
);
const scalars = fc.array(fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean()));
const values = fc.oneof({ weight: 4, arbitrary: scalars }, fc.array(anything, { maxLength: 6 }), anything);

/** Sound values of each field, so that what is wrong comes alone as often as with more. */
const object = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.record(fields) },
    { weight: 3, arbitrary: fc.record(fields, { requiredKeys: [] }) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.record(fields), fc.string(), anything)
        .map(([body, name, value]) => ({ ...body, [name]: value })),
    },
    { weight: 1, arbitrary: anything },
  );
const or = (...good: unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: anything });

const asked = {
  justification: or('why'),
  risk: or('low', 'critical'),
  rollback_plan: or('back'),
  expires_in_hours: or(1, 168),
  min_approvers: or(1, 10),
};
const bodies: Partial<Record<OperationId, fc.Arbitrary<unknown>>> = {
  createBundle: object({ version, rules: wildRules, notes: anything, metadata: or({ a: 1 }), created_by: or('me') }),
  updateBundle: object({ rules: wildRules, notes: or('n'), metadata: or({ a: [{}] }) }),
  activateBundle: object({ approval_id: or(1, 2, 99), canary_pct: or(100, 10), activated_by: or('me') }),
  putList: object({
    values,
    normalize: or('host', 'lower', null),
    live: or(false),
    description: or('d'),
    approval_id: or(1, 99),
  }),
  createApproval: fc.oneof(
    object({ ...asked, kind: or('activation'), bundle_id: or(1, 2), initial_pct: or(100) }),
    object({ ...asked, kind: or('list'), list: or('vips', 'new'), values, normalize: or('host', null) }),
    object({ ...asked, kind: or('settings'), settings: or({ default_effect: 'allow' }, { time_zone: '\u0000' }) }),
  ),
  approve: object({ comment: or('fine') }),
  reject: object({ comment: or('no') }),
};
const sound = () => ({ id: bundleId, name: 'vips', version: '1.0.0' });
const place = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  {
    weight: 2,
    // Nothing, or dots alone, make the path of another operation.
    arbitrary: fc
      .oneof(nasty, fc.string())
      .map(String)
      .filter((value) => !/^\.{0,2}$/.test(value) && value.length < 300 && isWhole(value)),
  },
);
const query = fc.dictionary(
  fc.constantFrom('limit', 'offset', 'active_only', 'status', 'kind', 'bundle_id', 'other'),
  fc.oneof(nasty, fc.string()).filter((value) => isWhole(String(value)) && String(value).length < 300),
  { maxKeys: 3 },
);

const fuzzed = [
  'listBundles',
  'getBundle',
  'getBundleByVersion',
  'createBundle',
  'updateBundle',
  'archiveBundle',
  'activateBundle',
  'deleteBundle',
  'listLists',
  'getList',
  'listListVersions',
  'putList',
  'deleteList',
  'createApproval',
  'listApprovals',
  'getApproval',
  'approve',
  'reject',
  'cancelApproval',
] as const satisfies readonly OperationId[];

/** Operations that the state they meet lets succeed again and again. */
const mixed = new Set<OperationId>([
  'listBundles',
  'getBundle',
  'getBundleByVersion',
  'createBundle',
  'updateBundle',
  'listLists',
  'getList',
  'listListVersions',
  'putList',
  'createApproval',
  'listApprovals',
  'getApproval',
]);

describe('whatever is sent, the answer is the operation’s or a problem below 500:', () => {
  test.each(fuzzed)(
    '%s',
    async (id) => {
      const statuses = new Map<number, number>();
      const arbitrary = fc.record({
        param: place,
        query: 'query' in operations[id] ? query : fc.constant({}),
        body: bodies[id] ?? fc.constant(undefined),
        match: fc.option(
          fc.string().filter((text) => /^[\x20-\x7e]*$/.test(text)),
          { nil: undefined },
        ),
      });
      const runs = bodies[id] ? 300 : 100;
      await fc.assert(
        fc.asyncProperty(arbitrary, async ({ param, query, body, match }) => {
          const own = id === 'approve' || id === 'reject' || id === 'cancelApproval' || id === 'getApproval';
          const params = {
            ...sound(),
            ...(own ? { id: approvalId } : {}),
            ...(id === 'putList' ? { name: 'free' } : {}),
          };
          // `call` throws when an answer breaks the contract, a problem's shape included.
          const { status } = await office.call(id, {
            params: (param === undefined ? params : { id: param, name: param, version: param }) as never,
            query: query as never,
            body,
            headers: match === undefined ? {} : { 'if-match': match },
          });
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          // 501 is the answer to shares that are not offered yet.
          expect(status === 501 || status < 500, `${status}`).toBe(true);
        }),
        { numRuns: runs },
      );
      // What is generated is neither all sound nor all broken.
      if (mixed.has(id)) expect(statuses.get(operations[id].status)).toBeGreaterThan(0);
      expect([...statuses.keys()].some((status) => status >= 400)).toBe(true);
    },
    60_000,
  );

  test('and the server goes on as before', async () => {
    const { status, body } = await office.call('getActiveBundle');
    expect([status, body.version]).toEqual([200, '1.0.0']);
  });
});

function isWhole(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
