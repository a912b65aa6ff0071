import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';

let office: Office;
/** Another server of the same database. */
let replica: TestServer;
let bundleId: number;
const rounds = 12;

beforeAll(async () => {
  office = await openOffice();
  replica = await startTestServer({ db: office.db, config: { fourEyesDefault: true } });
  bundleId = (await office.draft('1.0.0', [rule('one')])).id;
});
afterAll(async () => {
  await replica?.close();
  await office?.close();
});

const approve = (server: TestServer, token: string, id: number) =>
  server.call('approve', { token, params: { id }, body: {} });
const read = async (id: number) => (await office.call('getApproval', { params: { id } })).body;
const tokenFor = async (id: number, approver: string) => {
  const { body } = await office.call('createApprovalLink', { params: { id }, body: { approver } });
  return new URL(body.url).searchParams.get('token')!;
};
const byLink = async (server: TestServer, token: string) => {
  const body = new URLSearchParams({ token, verdict: 'approve' });
  return (await fetch(`${server.url}/approval-link`, { method: 'POST', body })).status;
};
/** How often each kind of event is on record for an approval. */
async function eventsOf(id: number): Promise<Record<string, number>> {
  const { rows } = await office.db.pool.query<{ kind: string; times: number }>(
    'select kind, count(*)::integer as times from event where subject = $1 group by kind',
    [`approval/${id}`],
  );
  return Object.fromEntries(rows.map(({ kind, times }) => [kind, times]));
}

describe('of people who decide at the same moment on two servers', () => {
  test('two reach a quorum of two together, and it is approved once', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await office.request(bundleId, { risk: 'high' });
      const answers = await Promise.all([approve(office, office.ann, id), approve(replica, office.bob, id)]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(answers.map(({ body }) => body.status).sort()).toEqual(['approved', 'pending']);
      expect(await read(id)).toMatchObject({ status: 'approved', approvals_given: 2, waits_for: [] });
    }
  });

  test('one person counts once, by key here and by link there', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await office.request(bundleId, { risk: 'high' });
      const token = await tokenFor(id, 'Ann');
      const [key, link] = await Promise.all([approve(office, office.ann, id), byLink(replica, token)]);
      expect([key.status, link].sort()).toEqual([200, 409]);
      expect(await read(id)).toMatchObject({ status: 'pending', approvals_given: 1 });
    }
  });

  test('one link decides once, on whichever server', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await office.request(bundleId);
      const token = await tokenFor(id, 'Cleo');
      const answers = await Promise.all([byLink(office, token), byLink(replica, token), byLink(replica, token)]);
      expect(answers.sort()).toEqual([200, 410, 410]);
      expect(await eventsOf(id)).toEqual({ 'approval.requested': 1, 'approval.link_made': 1, 'approval.approved': 1 });
    }
  });

  test('a withdrawal and an approval end in one of the two orders', async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await office.request(bundleId);
      const token = await tokenFor(id, 'Cleo');
      const cancel = () => replica.call('cancelApproval', { token: office.operator, params: { id } });
      const [link, canceled] =
        round % 2 === 0
          ? await Promise.all([byLink(office, token), cancel()])
          : await Promise.all([cancel(), byLink(office, token)]).then(([c, l]) => [l, c] as const);
      // What is approved but not used can be withdrawn too, so the end is the same; the vote stands or never was.
      expect(canceled.status).toBe(200);
      expect([200, 410]).toContain(link);
      const { status, votes } = await read(id);
      expect([status, votes.length]).toEqual(['canceled', link === 200 ? 1 : 0]);
      outcomes.add(String(link));
    }
    expect(outcomes.size).toBeGreaterThan(0);
  });

  test('an approval and a rejection leave one decision', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await office.request(bundleId);
      const reject = replica.call('reject', { token: office.bob, params: { id }, body: { comment: 'no' } });
      const [yes, no] = await Promise.all([approve(office, office.ann, id), reject]);
      expect([yes.status, no.status].sort()).toEqual([200, 409]);
      const { status, votes } = await read(id);
      expect([status, votes.length]).toEqual([yes.status === 200 ? 'approved' : 'rejected', 1]);
    }
  });

  test('a link that is used while another for the same person is made ends one way or the other', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await office.request(bundleId, { risk: 'high' });
      const token = await tokenFor(id, 'Cleo');
      const [used, made] = await Promise.all([
        byLink(office, token),
        replica.call('createApprovalLink', { params: { id }, body: { approver: 'Cleo' } }),
      ]);
      const pairs = [
        [200, 409],
        [410, 201],
      ];
      expect(pairs).toContainEqual([used, made.status]);
      expect((await read(id)).approvals_given).toBe(used === 200 ? 1 : 0);
    }
  });
});
