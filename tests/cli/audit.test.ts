import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditEntryHash } from '@policy-studio/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliverDue } from '../../packages/server/src/features/channels/deliver.js';
import { type Receiver, startReceiver } from '../../packages/server/src/features/channels/receiver.testkit.js';
import { leaveCheckpoints } from '../../packages/server/src/features/events/checkpoint.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
let receiver: Receiver;
let aheadMs = 0;
beforeAll(async () => {
  const clock = { now: () => new Date(Date.now() + aheadMs) };
  server = await startTestServer({ clock, config: { allowPrivateWebhooks: true } });
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver?.close();
  await server?.close();
});

const studio = (args: string[], input = '') =>
  run(args, {
    cwd: folder.path,
    input,
    env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
  });
const verify = (...args: string[]) => studio(['audit', 'verify', ...args]);
const file = (name: string) => join(folder.path, name);
const sql = (text: string, values: unknown[] = []) => server.db.pool.query(text, values);

/** What somebody does who can write to the database and nothing else: a change, and every hash after it made anew. */
async function rewriteFrom(seq: number, data: object): Promise<void> {
  const { rows } = await sql('select * from event order by seq');
  let hash = '';
  for (const row of rows) {
    const entry = { ...row, at: row.at.toISOString(), data: row.seq === seq ? data : row.data };
    hash = auditEntryHash(hash, entry);
    await sql('update event set data = $2, hash = $3 where seq = $1', [row.seq, JSON.stringify(entry.data), hash]);
  }
  await sql('update workspace set event_hash = $1 where id = $2', [hash, rows[0].workspace_id]);
}

/** Runs `work` on a changed trail and puts everything back. */
async function meanwhile(change: () => Promise<unknown>, work: () => Promise<void>): Promise<void> {
  const events = (await sql('select * from event order by seq')).rows;
  const heads = (await sql('select id, event_seq, event_hash from workspace')).rows;
  await change();
  try {
    await work();
  } finally {
    await sql('delete from event');
    for (const { workspace_id, seq, at, actor, kind, subject, data, hash } of events) {
      await sql('insert into event values ($1, $2, $3, $4, $5, $6, $7, $8)', [
        workspace_id,
        seq,
        at,
        actor,
        kind,
        subject,
        JSON.stringify(data),
        hash,
      ]);
    }
    for (const head of heads) {
      await sql('update workspace set event_seq = $2, event_hash = $3 where id = $1', [
        head.id,
        head.event_seq,
        head.event_hash,
      ]);
    }
  }
}

// One story, told in order.
describe('an audit trail', () => {
  it('that is empty has nothing to sign', async () => {
    expect(await verify()).toMatchObject({ code: 3, stderr: expect.stringMatching(/nothing has changed/) });
  });

  it('is whole, over several pages, and its checkpoint can be kept', async () => {
    for (let n = 0; n < 450; n += 1) await server.createKey('viewer', { name: `viewer ${n}` });
    const { code, stdout, stderr } = await verify('--save', 'kept.json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^450 entries and 1 checkpoint: the trail is whole up to 450; against rewriting only/);
    expect(JSON.parse(readFileSync(file('kept.json'), 'utf8'))).toMatchObject({ seq: 450, count: 450 });
    expect((await verify('--save', 'kept.json')).code).toBe(2);
    await server.createKey('viewer');
    const again = await verify('--checkpoint', 'kept.json');
    expect(again).toMatchObject({ code: 0, stdout: '451 entries and 2 checkpoints: the trail is whole up to 451\n' });
  });

  it('shows an altered entry, whichever it is', async () => {
    for (const seq of [1, 200, 201, 450, 451]) {
      await meanwhile(
        () => sql(`update event set actor = 'somebody else' where seq = $1`, [seq]),
        async () => {
          const { code, stderr } = await verify();
          expect(code).toBe(1);
          expect(stderr).toBe(
            seq === 1
              ? 'altered entry 1 was altered\n'
              : `altered entry ${seq}, or the hash of the one before, was altered\n`,
          );
        },
      );
    }
  });

  it('shows what is missing in the middle, at the beginning and at the end', async () => {
    for (const [where, told] of [
      ['seq between 100 and 102', 'missing entries 100 to 102 are missing\n'],
      ['seq <= 3', 'missing entries 1 to 3 are missing\n'],
      ['seq = 451', 'missing entry 451 is missing\n'],
    ]) {
      await meanwhile(
        () => sql(`delete from event where ${where}`),
        async () => expect(await verify()).toMatchObject({ code: 1, stderr: told }),
      );
    }
  });

  it('that was cut with its head looks whole, and not to who kept a checkpoint', async () => {
    await meanwhile(
      async () => {
        await sql('delete from event where seq > 440');
        await sql('update workspace set event_seq = 440, event_hash = (select hash from event where seq = 440)');
      },
      async () => {
        expect((await verify()).code).toBe(0);
        const { code, stderr } = await verify('--checkpoint', 'kept.json');
        expect(code).toBe(1);
        expect(stderr).toMatch(/^truncated .* ends with entry 450, the trail with 440: its end was cut off\n$/);
      },
    );
  });

  it('that was rewritten with all its hashes looks whole, and not to who kept a checkpoint', async () => {
    await meanwhile(
      () => rewriteFrom(17, { name: 'never happened' }),
      async () => {
        expect((await verify()).code).toBe(0);
        const { code, stderr } = await verify('--checkpoint', 'kept.json');
        expect(code).toBe(1);
        expect(stderr).toMatch(/^rewritten entry 450 is another one than when the checkpoint of /);
      },
    );
  });

  it('does not believe a checkpoint that was changed, or is of another server', async () => {
    const kept = JSON.parse(readFileSync(file('kept.json'), 'utf8'));
    writeFileSync(file('changed.json'), JSON.stringify({ ...kept, seq: 449 }));
    expect(await verify('--checkpoint', 'changed.json')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^bad_signature the signature of the checkpoint of .* does not fit\n$/),
    });
    const other = await startTestServer({ db: server.db, hmacSecret: 'another-secret-0123456789' });
    const { body } = await other.call('getAuditCheckpoint');
    await other.close();
    writeFileSync(file('other.json'), JSON.stringify(body));
    expect(await verify('--checkpoint', 'other.json')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^other_key .* was signed with the key [0-9a-f]{16}/),
    });
    expect(await verify('--checkpoint', 'absent.json')).toMatchObject({ code: 2 });
    expect(await studio(['audit', 'verify', '--checkpoint', '-'], '{"seq": 3}')).toMatchObject({
      code: 2,
      stderr: 'error: standard input: holds no checkpoint of an audit trail\n',
    });
  });

  it('lets checkpoints leave by webhook, once an hour and only after changes, and takes them as they arrived', async () => {
    await server.call('createChannel', {
      body: { name: 'elsewhere', kind: 'webhook', url: receiver.url, topics: ['audit'] },
    });
    const leave = () => leaveCheckpoints(server.services, server.services.clock.now());
    const left = await Promise.all([leave(), leave(), leave()]);
    expect(left.sort()).toEqual([0, 0, 1]);
    aheadMs += 2 * 3_600_000;
    expect(await leave()).toBe(0);
    await server.createKey('viewer');
    expect(await leave()).toBe(1);
    await server.createKey('viewer');
    expect(await leave()).toBe(0);
    await deliverDue(server.services);
    expect(receiver.received.map(({ json }) => json.type)).toEqual(['audit.checkpoint', 'audit.checkpoint']);
    const log = ['not a checkpoint', ...receiver.received.map(({ text }) => text)].join('\n');
    const { code, stdout, stderr } = await studio(['audit', 'verify', '--checkpoint', '-'], log);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // The one of now, two kept, and the same two in the trail.
    expect(stdout).toMatch(/ and 5 checkpoints: the trail is whole up to \d+\n$/);
  });

  it('lists', async () => {
    const { code, stdout } = await studio(['audit', 'list', '--limit', '3']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^seq +when +who +what +of +data\n/);
    expect(stdout.trim().split('\n')).toHaveLength(4);
  });
});
