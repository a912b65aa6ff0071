import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';
import { steppingClock } from '../decisions/in-force.testkit.js';

const clock = steppingClock('2026-03-02T09:00:00Z');
const minuteMs = 60_000;
let office: Office;
let bundleId: number;

beforeAll(async () => {
  office = await openOffice({ clock });
  bundleId = (await office.draft('1.0.0', [rule('one')])).id;
});
afterAll(() => office.close());
// Wrong guesses of one test are not those of the next.
beforeEach(() => clock.advance(2 * minuteMs));

const create = (id: number, approver: string, token?: string, minutes?: number) =>
  office.call('createApprovalLink', {
    params: { id },
    ...(token === undefined ? {} : { token }),
    body: { approver, ...(minutes === undefined ? {} : { expires_in_minutes: minutes }) },
  });
async function linkFor(id: number, approver: string): Promise<string> {
  const { status, body } = await create(id, approver);
  expect(status).toBe(201);
  return body.url;
}
async function open(url: string) {
  const response = await fetch(url);
  return { status: response.status, html: await response.text(), headers: response.headers };
}
/** Sends the form of the page as a browser does. */
async function send(url: string, verdict: string, comment = '') {
  const { origin, pathname, searchParams } = new URL(url);
  const form = new URLSearchParams({ token: searchParams.get('token') ?? '', verdict, comment });
  const response = await fetch(`${origin}${pathname}`, { method: 'POST', body: form });
  return { status: response.status, html: await response.text() };
}
const read = async (id: number) => (await office.call('getApproval', { params: { id } })).body;

describe('a one-time link', () => {
  test('shows the request when it is opened, however often, and decides when its form is sent, once', async () => {
    const { id } = await office.request(bundleId);
    const { body: link } = await create(id, 'Cleo');
    expect(link).toMatchObject({ approval_id: id, approver: 'Cleo', made_by: 'admin' });
    expect(Date.parse(link.expires_at) - clock.now().getTime()).toBe(60 * minuteMs);
    for (let times = 0; times < 2; times += 1) {
      const page = await open(link.url);
      expect(page.status).toBe(200);
      expect(page.html).toContain('tested');
      expect(page.html).toContain('You decide as <strong>Cleo</strong>');
      expect(page.html).not.toContain('<script');
    }
    const head = await fetch(link.url, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await read(id)).toMatchObject({ status: 'pending', votes: [] });
    expect((await send(link.url, 'approve', 'as agreed')).status).toBe(200);
    expect(await read(id)).toMatchObject({
      status: 'approved',
      votes: [{ by: 'Cleo', verdict: 'approve', comment: 'as agreed', via: 'link', link_made_by: 'admin' }],
    });
    expect([(await send(link.url, 'approve')).status, (await open(link.url)).status]).toEqual([410, 410]);
    expect((await read(id)).votes).toHaveLength(1);
  });

  test('is answered under a policy that lets nothing in, and is kept by nobody', async () => {
    const { headers } = await open(await linkFor((await office.request(bundleId)).id, 'Cleo'));
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('needs a comment to reject', async () => {
    const { id } = await office.request(bundleId);
    const url = await linkFor(id, 'Cleo');
    expect((await send(url, 'reject', ' \n')).status).toBe(422);
    expect((await send(url, 'perhaps')).status).toBe(422);
    expect((await send(url, 'approve', 'x'.repeat(2001))).status).toBe(422);
    expect((await send(url, 'reject', 'not\r\ntoday')).status).toBe(200);
    expect(await read(id)).toMatchObject({ status: 'rejected', votes: [{ comment: 'not\ntoday' }] });
  });

  test('that is sent twice at once decides once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await office.request(bundleId, { risk: 'high' });
      const url = await linkFor(id, 'Cleo');
      const answers = await Promise.all(Array.from({ length: 6 }, () => send(url, 'approve')));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 410, 410, 410, 410, 410]);
      expect(await read(id)).toMatchObject({ status: 'pending', approvals_given: 1 });
    }
  });

  test('ends with the decision, the withdrawal, its time, and another link for the same person', async () => {
    const [decided, canceled, expired, replaced] = await Promise.all(
      [1, 2, 3, 4].map(async () => (await office.request(bundleId)).id),
    );
    const urls = await Promise.all([decided, canceled, expired, replaced].map((id) => linkFor(id!, 'Cleo')));
    await office.call('approve', { token: office.ann, params: { id: decided! }, body: {} });
    await office.call('cancelApproval', { token: office.operator, params: { id: canceled! } });
    const fresh = await linkFor(replaced!, ' cleo');
    for (const index of [0, 1, 3]) expect((await send(urls[index]!, 'approve')).status).toBe(410);
    clock.advance(60 * minuteMs);
    expect((await send(urls[2]!, 'approve')).status).toBe(410);
    expect((await read(expired!)).status).toBe('pending');
    expect((await send(fresh, 'approve')).status).toBe(410);
  });

  test('lasts no longer than its approval', async () => {
    const { id, expires_at: until } = await office.request(bundleId, { expires_in_hours: 1 });
    const { body } = await create(id, 'Cleo', undefined, 1440);
    expect(body.expires_at).toBe(until);
  });

  test('is in no event, no audit entry and nowhere in the database', async () => {
    const { id } = await office.request(bundleId);
    const token = new URL(await linkFor(id, 'Cleo')).searchParams.get('token')!;
    const [linkId, proof] = token.split('.') as [string, string];
    const { rows } = await office.db.pool.query<{ text: string }>(
      `select json_agg(t)::text as text from (select row_to_json(event) from event union all
         select row_to_json(delivery) from delivery union all select row_to_json(approval_entry) from approval_entry) t`,
    );
    expect(rows[0]!.text).not.toContain(linkId);
    const stored = await office.db.pool.query<{ text: string }>(
      'select json_agg(approval_link)::text as text from approval_link',
    );
    expect(stored.rows[0]!.text).toContain(linkId);
    expect(stored.rows[0]!.text).not.toContain(proof);
  });
});

describe('who gets a link', () => {
  test('an approver for themselves, an admin for anybody, nobody else', async () => {
    const { id } = await office.request(bundleId);
    expect((await create(id, 'ANN', office.ann)).status).toBe(201);
    expect((await create(id, 'Bob', office.ann)).problem.code).toBe('forbidden');
    expect((await create(id, 'Bob', office.operator)).problem.code).toBe('forbidden');
    expect((await create(id, 'Bob')).status).toBe(201);
  });

  test('not the requester, however written, and not through an admin who asked', async () => {
    const { id } = await office.request(bundleId);
    for (const name of ['Otto', ' otto', 'Ｏｔｔｏ'])
      expect((await create(id, name)).problem.code).toBe('self_approval');
    const asked = await office.call('createApproval', {
      body: { kind: 'activation', bundle_id: bundleId, justification: 'mine' },
    });
    expect((await create(asked.body.id, 'Cleo')).problem.code).toBe('self_approval');
    const second = await office.createKey('admin', { owner: 'Dora' });
    expect((await create(asked.body.id, 'admin', second)).problem.code).toBe('self_approval');
    expect((await create(asked.body.id, 'Cleo', second)).status).toBe(201);
  });

  test('not who has voted, and a person counts once by key and by link', async () => {
    const { id } = await office.request(bundleId, { risk: 'high' });
    const url = await linkFor(id, 'Ann');
    await office.call('approve', { token: office.ann, params: { id }, body: {} });
    const refused = await send(url, 'approve');
    expect([refused.status, refused.html.includes('has voted')]).toEqual([409, true]);
    expect((await create(id, 'ann')).problem.code).toBe('already_voted');
    expect(await read(id)).toMatchObject({ status: 'pending', approvals_given: 1 });
  });

  test('loses it with the key it was made with', async () => {
    const made = await office.call('createApiKey', { body: { name: 'Emil', role: 'approver' } });
    const { id } = await office.request(bundleId);
    const { body } = await create(id, 'Emil', made.body.key);
    await office.call('revokeApiKey', { params: { id: made.body.id } });
    expect((await send(body.url, 'approve')).status).toBe(410);
    expect((await read(id)).status).toBe('pending');
  });

  test('loses it with the role of the member who made it, and with the workspace', async () => {
    const { rows } = await office.db.pool.query<{ id: number }>(
      `insert into member (workspace_id, kind, name, looks_capital, looks_small, role, managed_by, created_by, created_at)
       select id, 'person', 'Fay', 'FAY', 'fay', 'admin', 'admin', 'test', now() from workspace where name = 'default' returning id`,
    );
    const { id } = await office.request(bundleId);
    const [own, others] = [await linkFor(id, 'Fay'), await linkFor(id, 'Cleo')];
    await office.db.pool.query(`update approval_link set made_by = 'Fay', key_id = $1 where approval_id = $2`, [
      rows[0]!.id,
      id,
    ]);
    const role = (name: string) => office.db.pool.query(`update member set role = '${name}' where name = 'Fay'`);
    const both = async () => [(await open(own)).status, (await open(others)).status];
    expect(await both()).toEqual([200, 200]);
    await role('approver');
    expect(await both()).toEqual([200, 410]);
    await role('viewer');
    expect(await both()).toEqual([410, 410]);
    await role('admin');
    const closed = (at: string) =>
      office.db.pool.query(
        `update workspace set read_only_at = ${at}, deletion_asked_at = ${at}, delete_at = ${at}, archived_at = ${at}
          where name = 'default'`,
      );
    await closed('now()');
    expect(await both()).toEqual([410, 410]);
    await closed('null');
    expect(await both()).toEqual([200, 200]);
  });

  test('can lose it to whoever may revoke it', async () => {
    const { id } = await office.request(bundleId);
    const [own, others] = [(await create(id, 'Ann', office.ann)).body.url, await linkFor(id, 'Cleo')];
    const revoke = (token: string, body: object) => office.call('revokeApprovalLinks', { token, params: { id }, body });
    expect((await revoke(office.ann, { approver: 'Cleo' })).problem.code).toBe('forbidden');
    expect((await revoke(office.ann, {})).body).toEqual({ revoked: 1 });
    expect([(await open(own)).status, (await open(others)).status]).toEqual([410, 200]);
    expect((await revoke(office.adminToken, {})).body).toEqual({ revoked: 1 });
    expect((await open(others)).status).toBe(410);
  });
});

test('a workspace that is read-only is read by links and decided by none', async () => {
  const { id } = await office.request(bundleId);
  const url = await linkFor(id, 'Cleo');
  const readOnly = async (at: string) => {
    await office.db.pool.query(`update workspace set read_only_at = ${at} where name = 'default'`);
    await office.services.standings.refresh();
  };
  await readOnly('now()');
  try {
    const refused = await send(url, 'approve');
    expect([refused.status, (await open(url)).status]).toEqual([409, 200]);
    expect(await read(id)).toMatchObject({ status: 'pending', votes: [] });
  } finally {
    await readOnly('null');
  }
  expect((await send(url, 'approve')).status).toBe(200);
});

describe('a forged link', () => {
  const altered = (url: string, change: (id: string, proof: string) => string): string => {
    const [id, proof] = new URL(url).searchParams.get('token')!.split('.') as [string, string];
    return `${office.url}/approval-link?token=${encodeURIComponent(change(id, proof))}`;
  };
  const flip = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);

  test('decides nothing: other proofs, other ids, proofs of other links, nonsense', async () => {
    const { id } = await office.request(bundleId);
    const mine = await linkFor(id, 'Cleo');
    const other = await linkFor(id, 'Dan');
    const otherProof = new URL(other).searchParams.get('token')!.split('.')[1]!;
    const forged = [
      altered(mine, (link, proof) => `${link}.${flip(proof, 0)}`),
      altered(mine, (link, proof) => `${link}.${flip(proof, 21)}`),
      altered(mine, (link, proof) => `${flip(link, 3)}.${proof}`),
      altered(mine, (link) => `${link}.${otherProof}`),
      altered(mine, (link) => `${link}.${'A'.repeat(43)}`),
      altered(mine, (_link, proof) => proof),
      altered(mine, () => ''),
      altered(mine, (link, proof) => `${link}.${proof}.${proof}`),
    ];
    for (const url of forged) expect((await send(url, 'approve')).status).toBe(404);
    expect((await read(id)).status).toBe('pending');
    clock.advance(2 * minuteMs);
    expect((await send(mine, 'approve')).status).toBe(200);
  });

  test('a row that was changed in the database proves nothing', async () => {
    const { id } = await office.request(bundleId);
    const url = await linkFor(id, 'Cleo');
    const [link] = new URL(url).searchParams.get('token')!.split('.');
    for (const change of ["approver = 'Mallory'", "expires_at = expires_at + interval '1 day'", "nonce = 'x'"]) {
      const before = await office.db.pool.query('select * from approval_link where id = $1', [link]);
      await office.db.pool.query(`update approval_link set ${change} where id = $1`, [link]);
      expect((await open(url)).status).toBe(404);
      const { approver, expires_at, nonce } = before.rows[0];
      await office.db.pool.query('update approval_link set approver = $2, expires_at = $3, nonce = $4 where id = $1', [
        link,
        approver,
        expires_at,
        nonce,
      ]);
    }
    expect((await open(url)).status).toBe(200);
  });

  test('locks its address for a minute after ten, and others not', async () => {
    const { id } = await office.request(bundleId);
    const url = await linkFor(id, 'Cleo');
    for (let guess = 0; guess < 10; guess += 1) {
      expect((await open(altered(url, () => `${'B'.repeat(16)}.${'A'.repeat(43)}`))).status).toBe(404);
    }
    const locked = await open(url);
    expect([locked.status, locked.headers.get('retry-after')]).toEqual([429, '60']);
    expect((await send(url, 'approve')).status).toBe(429);
    clock.advance(minuteMs);
    expect((await open(url)).status).toBe(200);
  });

  test('ends the link it names after ten, from however many addresses, and that is recorded', async () => {
    const { id } = await office.request(bundleId);
    const url = await linkFor(id, 'Cleo');
    const wrong = altered(url, (link, proof) => `${link}.${flip(proof, 9)}`);
    for (let guess = 0; guess < 10; guess += 1) {
      clock.advance(guess % 5 === 0 ? 2 * minuteMs : 0);
      expect((await open(wrong)).status).toBe(404);
    }
    clock.advance(2 * minuteMs);
    expect((await send(url, 'approve')).status).toBe(410);
    expect((await read(id)).timeline?.at(-1)).toMatchObject({
      type: 'link_revoked',
      by: 'system',
      text: 'the link for Cleo: somebody tried to guess it',
    });
  });
});
