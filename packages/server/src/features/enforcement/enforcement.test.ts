import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultCatalog } from '@policy-studio/engine';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { severable } from '../../database/severable.testkit.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId, putInForce } from '../decisions/in-force.testkit.js';
import { createDiskCopy } from './disk-copy.js';
import { createEnforcement } from './snapshots.js';

const rule = (reason: string) => ({ id: 'yes', agent: '*', action: '*', effect: 'allow' as const, reason });
const silent = pino({ level: 'silent' });
const clock = { now: () => new Date() };
const config = { fourEyesDefault: false };

let database: TestDatabase;
let one: TestServer;
let two: TestServer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ps-force-'));
  database = await testDatabase();
  [one, two] = await Promise.all([
    startTestServer({ db: database.db, log: silent }),
    startTestServer({ db: database.db, log: silent }),
  ]);
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

const reasonOn = async (server: TestServer): Promise<string> =>
  (await server.call('evaluate', { body: { agent: 'a', action: 'b', context: {} } })).body.reason;

describe('a switch of the bundle', () => {
  it('is in force on the server that makes it before it answers, and on another replica within a second', async () => {
    await putInForce(one, { rules: [rule('zero')] });
    await reasonOn(two);
    const taken: number[] = [];
    for (const reason of ['first', 'second', 'third', 'fourth', 'fifth']) {
      await putInForce(one, { rules: [rule(reason)] });
      const start = performance.now();
      expect(await reasonOn(one)).toBe(reason);
      while ((await reasonOn(two)) !== reason) {
        if (performance.now() - start > 5_000) throw new Error('the other replica never switched');
      }
      taken.push(performance.now() - start);
    }
    expect(Math.max(...taken)).toBeLessThan(1_000);
  });

  it('is found by the poll when nobody was told', async () => {
    await reasonOn(two);
    await two.services.listener.stop();
    await putInForce(one, { rules: [rule('unheard')] });
    expect(await reasonOn(two)).toBe('fifth');
    await two.services.enforcement.poll();
    expect(await reasonOn(two)).toBe('unheard');
  });

  it('never mixes two bundles while many ask', async () => {
    const versions = new Map<string, Set<string>>();
    let switching = true;
    const asking = Array.from({ length: 4 }, async () => {
      while (switching) {
        const { body } = await one.call('evaluate', { body: { agent: 'a', action: 'b', context: {} } });
        const digests = versions.get(body.reason) ?? new Set();
        versions.set(body.reason, digests.add(`${body.bundle?.digest} ${body.generation}`));
      }
    });
    for (let turn = 0; turn < 15; turn += 1) await putInForce(one, { rules: [rule(`turn ${turn}`)] });
    switching = false;
    await Promise.all(asking);
    expect(versions.size).toBeGreaterThan(5);
    for (const digests of versions.values()) expect(digests.size).toBe(1);
  });

  it('to a bundle that cannot be used leaves the last good one in force', async () => {
    await putInForce(one, { rules: [rule('good')] });
    const quiet = createEnforcement({ pool: database.db.pool, clock, log: silent, config, folder: `${folder}/broken` });
    const before = await quiet.inForce(defaultWorkspaceId);
    const { generation } = await putInForce(two, { rules: [rule('forged')], digest: 'f'.repeat(64) });
    await quiet.reach(defaultWorkspaceId, generation);
    await quiet.poll();
    const after = await quiet.inForce(defaultWorkspaceId);
    expect([after.generation, after.bundle]).toEqual([before.generation, before.bundle]);
    await putInForce(one, { rules: [rule('mended')] });
    await quiet.poll();
    expect((await quiet.inForce(defaultWorkspaceId)).generation).toBe(generation + 1);
    await quiet.stop();
  });
});

describe('a change of the catalog', () => {
  const effectOn = async (server: TestServer) =>
    (await server.call('evaluate', { body: { agent: 'a', action: 'b', context: { n: 'text' } } })).body.effect;
  const put = (context_schema: unknown) =>
    one.call('putCatalogAction', { params: { action: 'b' }, body: { context_schema } });

  it('is in force on the server that makes it before it answers, and on another replica within a second', async () => {
    const three = await startTestServer({ db: database.db, log: silent });
    try {
      await putInForce(one, { rules: [rule('yes')] });
      expect(await effectOn(three)).toBe('allow');
      await put({ properties: { n: { type: 'number' } } });
      const start = performance.now();
      expect(await effectOn(one)).toBe('deny');
      while ((await effectOn(three)) !== 'deny') {
        if (performance.now() - start > 5_000) throw new Error('the other replica never switched');
      }
      expect(performance.now() - start).toBeLessThan(1_000);
      await put(null);
      expect(await effectOn(one)).toBe('allow');
    } finally {
      await three.close();
    }
  });

  it('to one that cannot be used leaves the last good one in force', async () => {
    await put({ properties: { n: { type: 'number' } } });
    const quiet = createEnforcement({ pool: database.db.pool, clock, log: silent, config, folder: `${folder}/odd` });
    const before = await quiet.inForce(defaultWorkspaceId);
    await database.db.pool.query(
      `update catalog_action set document = '{"action": "b", "agents": null, "context_schema": {"type": "odd"}}'
        where action = 'b'`,
    );
    await database.db.pool.query('update catalog set stamp = gen_random_uuid()');
    await database.db.pool.query('update workspace set generation = generation + 1 where id = $1', [
      defaultWorkspaceId,
    ]);
    await quiet.poll();
    expect((await quiet.inForce(defaultWorkspaceId)).known).toBe(before.known);
    await database.db.pool.query("delete from catalog_action where action = 'b'");
    await database.db.pool.query('update catalog set stamp = gen_random_uuid()');
    await putInForce(one, { rules: [rule('mended')] });
    await quiet.poll();
    expect((await quiet.inForce(defaultWorkspaceId)).known.actionOf('*', 'b')).toBeNull();
    await quiet.stop();
  });

  it('outlives the database on disk', async () => {
    await put({ properties: { n: { type: 'number' } } });
    const link = await severable(database.db);
    const at = { pool: link.db.pool, clock, log: silent, config, folder: `${folder}/kept` };
    const first = createEnforcement(at);
    await first.inForce(defaultWorkspaceId);
    await first.stop();
    await link.sever();
    const { known } = await createEnforcement(at).inForce(defaultWorkspaceId);
    expect(known.actionOf('a', 'b')?.context_schema).toEqual({ properties: { n: { type: 'number' } } });
    await link.close();
    await put(null);
  });
});

describe('the snapshot', () => {
  it('holds what is needed to decide in process, and 304 answers a tag that still holds', async () => {
    const { generation, bundleId } = await putInForce(one, {
      rules: [{ ...rule('listed'), conditions: { sender: { list: 'vip' } } }],
      lists: { vip: { values: ['a@x.org'], normalize: 'email' }, unread: { values: [1] } },
      settings: { default_effect: 'needs_approval', time_zone: 'Asia/Tokyo' },
    });
    const token = await one.createKey('agent');
    const { body, headers } = await one.call('getSnapshot', { token });
    expect(body).toMatchObject({
      generation,
      default_effect: 'needs_approval',
      time_zone: 'Asia/Tokyo',
      stable: { id: bundleId, rules: [{ id: 'yes', conditions: { sender: { list: 'vip' } } }] },
      lists: { vip: { version: 1, normalize: 'email', values: ['a@x.org'] } },
    });
    expect(Object.keys(body.lists)).toEqual(['vip']);
    const etag = headers.get('etag') as string;
    const raw = (tag: string) =>
      fetch(`${one.url}/policy/snapshot`, {
        headers: { authorization: `Bearer ${token}`, 'if-none-match': tag },
      });
    expect((await raw(etag)).status).toBe(304);
    expect((await raw(`"other", W/${etag}`)).status).toBe(304);
    expect((await raw('"other"')).status).toBe(200);
    await putInForce(one, { rules: [rule('next')] });
    expect((await raw(etag)).status).toBe(200);
  });
});

describe('enforcement', () => {
  it('loads a workspace once however many ask at once, and keeps a bounded number', async () => {
    const ids: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      const { rows } = await database.db.pool.query('insert into workspace (name) values ($1) returning id', [
        `w${index}`,
      ]);
      ids.push(rows[0].id);
    }
    const link = await severable(database.db);
    const bounded = createEnforcement({
      pool: link.db.pool,
      clock,
      log: silent,
      config,
      folder: `${folder}/bounded`,
      maxWorkspaces: 3,
    });
    const same = await Promise.all(Array.from({ length: 50 }, () => bounded.inForce(ids[0] as number)));
    expect(new Set(same).size).toBe(1);
    for (const id of ids.slice(1)) await bounded.inForce(id);
    await bounded.stop();
    await link.sever();
    const [first, ...rest] = ids as [number, ...number[]];
    await rm(`${folder}/bounded`, { recursive: true });
    for (const id of rest.slice(1)) expect((await bounded.inForce(id)).workspaceId).toBe(id);
    await expect(bounded.inForce(first)).rejects.toThrow();
    await link.close();
  });

  it('throws for a workspace that is not there', async () => {
    await expect(one.services.enforcement.inForce(99_999)).rejects.toThrow('does not exist');
  });

  it('trusts no copy on disk that was altered or belongs to another workspace', async () => {
    const disk = createDiskCopy(`${folder}/copies`);
    const source = {
      workspaceId: 7,
      generation: 3,
      stable: null,
      lists: {},
      catalog: defaultCatalog,
      catalogStamp: 'default',
      defaultEffect: 'deny' as const,
      timeZone: 'UTC',
      enforceContext: true,
      costBudget24h: null,
      caps: [],
      capsEpoch: 0,
      maxStaleMinutes: 15,
      rollout: null,
      candidate: null,
      control: null,
      safe: false,
      pin: null,
      bundlePin: null,
      observed: [],
    };
    expect(await disk.read(7)).toBeNull();
    await disk.write(source, 1_000_000);
    expect(await disk.read(7)).toEqual({ source, confirmedMs: 1_000_000 });
    await disk.confirm(7, 2_000_000);
    expect((await disk.read(7))?.confirmedMs).toBe(2_000_000);
    const file = join(folder, 'copies', 'workspace-7.json');
    const text = await readFile(file, 'utf8');
    await writeFile(join(folder, 'copies', 'workspace-8.json'), text);
    expect(await disk.read(8)).toBeNull();
    await writeFile(file, text.replace('deny', 'allow'));
    expect(await disk.read(7)).toBeNull();
    expect(await readdir(join(folder, 'copies'))).toHaveLength(2);
  });
});
