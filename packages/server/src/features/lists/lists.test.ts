import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer } from '../../server.testkit.js';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.close());

const put = (name: string, body: unknown) => office.call('putList', { token: office.operator, params: { name }, body });
const get = (name: string) => office.call('getList', { params: { name } });
const generation = async (): Promise<number> =>
  (await office.db.pool.query('select generation from workspace where id = 1')).rows[0].generation;
const ask = async (list: string, values: unknown[], rest: object = {}) => {
  const body = { kind: 'list', list, values, justification: 'why', ...rest };
  const { id } = (await office.call('createApproval', { token: office.operator, body })).body;
  await office.call('approve', { token: office.ann, params: { id }, body: {} });
  return id;
};

describe('a list', () => {
  test('keeps each value once, in an order of its own', async () => {
    const { status, body } = await put('mixed', {
      values: ['b', 2, 'a', true, -0, 'b', 0, '2', 1e-7],
      description: 'all kinds',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'mixed',
      version: 1,
      values: [true, 0, 1e-7, 2, '2', 'a', 'b'],
      size: 7,
      normalize: null,
      live: false,
      description: 'all kinds',
      updated_by: 'Otto',
    });
    expect((await get('mixed')).body).toEqual(body);
  });

  test('grows a version when values or normalisation change, and only then', async () => {
    const first = (await put('grows', { values: ['a', 'b'], normalize: 'lower' })).body;
    expect((await put('grows', { values: ['b', 'a', 'a'] })).body).toEqual(first);
    expect((await put('grows', { values: ['a', 'b'], description: 'x' })).body).toMatchObject({
      version: 1,
      description: 'x',
    });
    expect((await put('grows', { values: ['a'] })).body).toMatchObject({
      version: 2,
      normalize: 'lower',
      description: 'x',
    });
    const plain = (await put('grows', { values: ['a'], normalize: null })).body;
    expect(plain).toMatchObject({ version: 3, normalize: null });
    const { body } = await office.call('listListVersions', { params: { name: 'grows' }, query: { limit: 2 } });
    expect(body).toMatchObject({
      total: 3,
      limit: 2,
      versions: [{ version: 3, digest: plain.digest }, { version: 2 }],
    });
    expect(new Set([...body.versions.map(({ digest }) => digest), first.digest]).size).toBe(3);
  });

  test('is live or not from its creation on', async () => {
    expect((await put('quick', { values: [], live: true })).body.live).toBe(true);
    expect((await put('quick', { values: ['a'] })).body.live).toBe(true);
    expect((await put('quick', { values: ['a'], live: true })).status).toBe(200);
    const { problem } = await put('quick', { values: ['a'], live: false });
    expect(problem).toMatchObject({ code: 'validation_failed', errors: [{ path: '/live' }] });
  });

  test('that is deleted is gone, keeps its versions and counts on when it comes back', async () => {
    await put('back', { values: ['a'], live: true });
    expect((await office.call('deleteList', { token: office.operator, params: { name: 'back' } })).status).toBe(204);
    expect((await get('back')).status).toBe(404);
    expect((await office.call('listListVersions', { params: { name: 'back' } })).status).toBe(404);
    expect((await office.call('deleteList', { params: { name: 'back' } })).status).toBe(404);
    expect((await office.call('listLists')).body.lists.map(({ name }) => name)).not.toContain('back');
    expect((await put('back', { values: ['b'] })).body).toMatchObject({ version: 2, live: false });
  });

  test('is listed by name, in pages', async () => {
    const { body } = await office.call('listLists', { query: { limit: 200 } });
    const names = body.lists.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect(body.total).toBe(names.length);
    const second = await office.call('listLists', { query: { limit: 1, offset: 1 } });
    expect(second.body.lists.map(({ name }) => name)).toEqual([names[1]]);
  });

  test('of one name created by many at once is one list', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => put('raced', { values: [i] })));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect((await get('raced')).body.version).toBe(6);
  });

  test('takes 100,000 values, and not one more', async () => {
    const values = Array.from({ length: 100_000 }, (_, i) => `sender-${i}@example.com`);
    expect((await put('large', { values })).body.size).toBe(100_000);
    expect((await put('large', { values: [...values, 'x'] })).status).toBe(422);
  });

  test('refuses values that cannot be kept', async () => {
    const bad = ['a\u0000b', 'é'.repeat(4097), null, {}, []];
    for (const value of bad) {
      const { status, problem } = await put('bad', { values: ['fine', value] });
      expect([status, problem.code]).toEqual([422, 'validation_failed']);
      expect(problem.errors[0]?.path).toBe('/values/1');
    }
    expect((await put('bad', '{"values":[1e999]}')).status).toBe(422);
    expect((await put('bad', '{"values":["\\ud800"]}')).status).toBe(422);
    for (const name of ['Upper', '-a', 'a b', 'a'.repeat(65), '__proto__', 'ü']) {
      expect((await put(name, { values: [] })).status).toBe(422);
    }
    expect((await put('constructor', { values: ['a'] })).status).toBe(200);
  });
});

describe('a list that the bundle in force reads', () => {
  const reads = (list: string, rest: object = {}) =>
    rule(`reads-${list}`, { conditions: { sender: { list } }, ...rest });

  beforeAll(async () => {
    await put('vips', { values: ['a', 'b'] });
    await put('flow', { values: ['a'], live: true });
    await put('hosts', { values: ['example.com'], live: true });
    await office.inForce('1.0.0', [
      reads('vips'),
      reads('flow'),
      rule('hosts-in', { conditions: { 'url domain_in': { list: 'hosts' } } }),
    ]);
  });

  test('changes with an approval of exactly that change, once, and decisions change with it', async () => {
    const before = await generation();
    const without = await put('vips', { values: ['a', 'c'] });
    expect(without.problem.code).toBe('approval_required');
    const other = await ask('vips', ['a', 'd']);
    expect((await put('vips', { values: ['a', 'c'], approval_id: other })).problem.code).toBe('approval_mismatch');
    expect(await generation()).toBe(before);
    const { status, body } = await put('vips', { values: ['d', 'a'], approval_id: other });
    expect([status, body.version, body.values]).toEqual([200, 2, ['a', 'd']]);
    expect(await generation()).toBe(before + 1);
    const third = await ask('vips', ['x']);
    expect((await put('vips', { values: ['x'], approval_id: third })).status).toBe(200);
    expect((await put('vips', { values: ['a'], approval_id: third })).problem.code).toBe('approval_used');
  });

  test('changes without one where that is proven to let agents do nothing more', async () => {
    await put('blocked', { values: ['a'] });
    const { id } = await office.inForce('1.0.1', [
      rule('all-others'),
      reads('blocked', { id: 'blocks', effect: 'deny', priority: 90 }),
      reads('vips', { id: 'allows-vips', priority: 95 }),
    ]);
    expect((await put('blocked', { values: ['a', 'b'] })).status).toBe(200);
    expect((await put('blocked', { values: ['b'] })).problem.code).toBe('approval_required');
    const { values } = (await office.call('getList', { params: { name: 'vips' } })).body;
    expect((await put('vips', { values: [...values, 'b'] })).problem.code).toBe('approval_required');
    const back = await office.call('createApproval', {
      token: office.operator,
      body: { kind: 'activation', bundle_id: id - 1, justification: 'back', initial_pct: 100 },
    });
    for (const token of [office.ann, office.bob].slice(0, back.body.quorum)) {
      await office.call('approve', { token, params: { id: back.body.id }, body: {} });
    }
    await office.call('activateBundle', {
      token: office.operator,
      params: { id: id - 1 },
      body: { approval_id: back.body.id, canary_pct: 100 },
    });
  });

  test('changes by an approval only from the version it was asked at', async () => {
    const [first, second] = [await ask('vips', ['p']), await ask('vips', ['q'])];
    expect((await put('vips', { values: ['p'], approval_id: first })).status).toBe(200);
    const { problem } = await put('vips', { values: ['q'], approval_id: second });
    expect(problem.code).toBe('approval_mismatch');
    expect(problem.detail).toContain('`from_version`');
  });

  test('of one approval used at once by many, one wins', async () => {
    const id = await ask('vips', ['raced']);
    const before = await generation();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => put('vips', { values: ['raced'], approval_id: id })),
    );
    // Those who come later find nothing to change.
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(200));
    expect(await generation()).toBe(before + 1);
  });

  test('needs none for its description, for no change at all, or when it is live', async () => {
    const { values } = (await get('vips')).body;
    const before = await generation();
    expect((await put('vips', { values, description: 'people' })).status).toBe(200);
    expect((await put('vips', { values: [...values].reverse() })).status).toBe(200);
    expect(await generation()).toBe(before);
    expect((await put('flow', { values: ['b'] })).body.version).toBe(2);
    expect(await generation()).toBe(before + 1);
  });

  test('does not take values with which the bundle would no longer compile', async () => {
    const before = await generation();
    const { problem } = await put('hosts', { values: ['not a host!'] });
    expect(problem.code).toBe('bundle_invalid');
    expect(await generation()).toBe(before);
  });

  test('is not deleted until another bundle is in force', async () => {
    const remove = (name: string) => office.call('deleteList', { token: office.operator, params: { name } });
    expect((await remove('vips')).problem.code).toBe('list_in_use');
    await office.inForce('1.1.0', [reads('flow')]);
    // It stands by to be gone back to.
    expect((await remove('vips')).problem.code).toBe('list_in_use');
    await office.inForce('1.2.0', [reads('flow'), rule('more')]);
    expect((await remove('vips')).status).toBe(204);
    expect((await remove('flow')).problem.code).toBe('list_in_use');
  });

  test('a list that no bundle in force reads changes nothing in force', async () => {
    const before = await generation();
    await put('idle', { values: ['a'] });
    await put('idle', { values: ['b'] });
    expect(await generation()).toBe(before);
  });

  test('without four eyes it changes at once', async () => {
    const alone = await startTestServer();
    try {
      await alone.call('putList', { params: { name: 'vips' }, body: { values: ['a'] } });
      const { body } = await alone.call('createBundle', { body: { version: '1.0.0', rules: [reads('vips')] } });
      const asked = await alone.call('createApproval', {
        body: { kind: 'activation', bundle_id: body.id, initial_pct: 100, justification: 'mine' },
      });
      await alone.call('approve', { params: { id: asked.body.id }, body: {} });
      const on = await alone.call('activateBundle', {
        params: { id: body.id },
        body: { approval_id: asked.body.id, canary_pct: 100 },
      });
      expect(on.status).toBe(200);
      const changed = await alone.call('putList', { params: { name: 'vips' }, body: { values: ['b'] } });
      expect([changed.status, changed.body.version]).toEqual([200, 2]);
    } finally {
      await alone.close();
    }
  });
});
