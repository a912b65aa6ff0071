import { afterAll, beforeAll, expect, it } from 'vitest';
import { asSystem } from '../database/scope.js';
import { rule } from '../features/bundles/bundles.testkit.js';
import { startTestServer, type TestServer } from '../server.testkit.js';
import { jobs } from './schedule.js';

let nowMs = Date.now();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock: { now: () => new Date(nowMs) }, config: { allowPrivateWebhooks: true } });
});
afterAll(() => server?.close());

/** What a job does to a workspace it writes on its trail: that row tells for whom the job worked just then. */
const tableOfScopes = `
  create table scope_seen (kind text, scope text, workspace text);
  create function note_scope() returns trigger language plpgsql as $$
  begin
    insert into scope_seen values (new.kind, current_setting('policy_studio.workspace'), new.workspace_id::text);
    return new;
  end
  $$;
  create trigger note_scope before insert on event for each row execute function note_scope();`;

it('a job that goes workspace by workspace sees no other one meanwhile', async () => {
  const headers = { 'x-workspace': 'own' };
  await server.call('createWorkspace', { body: { name: 'own' } });
  const call: TestServer['call'] = (id, input = {} as never) => server.call(id, { headers, ...input } as never);
  await call('putSettings', { body: { catalog: 'open' } });
  const activated = async (version: string, initialPct: number) => {
    const { body } = await call('createBundle', { body: { version, rules: [rule('one', { reason: version })] } });
    const asked = { kind: 'activation', bundle_id: body.id, initial_pct: 100, justification: 'of the test' };
    const approval = (await call('createApproval', { body: asked })).body;
    await call('approve', { params: { id: approval.id }, body: {} });
    const plan = { approval_id: approval.id, canary_pct: initialPct };
    expect((await call('activateBundle', { params: { id: body.id }, body: plan })).status).toBe(200);
    return body.id;
  };
  const first = await activated('1.0.0', 100);
  await activated('2.0.0', 10);
  await call('pinBundle', { body: { bundle_id: first, reason: 'to see it expire', ttl_minutes: 5 } });
  await call('disablePolicy', { body: { effect: 'deny', reason: 'to see it expire', ttl_minutes: 5 } });
  await call('putApproverGroup', {
    params: { name: 'duty' },
    body: { members: ['Ann'], asked_for: { kinds: ['activation'] }, remind_after_minutes: 5 },
  });
  const waits = { kind: 'activation', bundle_id: first, justification: 'to see it wait' };
  expect((await call('createApproval', { body: { ...waits, expires_in_hours: 1 } })).body.status).toBe('pending');
  const reader = (await call('createApiKey', { body: { name: 'reader', role: 'viewer' } })).body.key;
  await server.call('listApiKeys', { token: reader });
  await server.db.pool.query(tableOfScopes);

  const seen = new Set<string>();
  for (const minutes of [10, 120]) {
    nowMs += minutes * 60_000;
    for (const job of jobs) await asSystem(() => job.run(server.services, new Date(nowMs)));
    const { rows } = await server.db.pool.query<{ kind: string; scope: string; workspace: string }>(
      'select * from scope_seen',
    );
    for (const { kind } of rows) seen.add(kind);
    expect(rows.filter(({ scope, workspace }) => scope !== workspace)).toEqual([]);
  }
  // So that it says something.
  expect([...seen].sort()).toEqual(
    expect.arrayContaining([
      'access.denied',
      'approval.expired',
      'approval.reminded',
      'audit.checkpoint',
      'rollout.held',
      'system.bundle_pin_expired',
      'system.pin_expired',
    ]),
  );
}, 60_000);
