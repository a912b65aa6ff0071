import { PolicyStudioClient } from '@policy-studio/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noStyle, type Terminal } from '../../packages/cli/src/output.js';
import { applyItems } from '../../packages/cli/src/sync/apply.js';
import { readFolder } from '../../packages/cli/src/sync/folder.js';
import { readServer } from '../../packages/cli/src/sync/server-state.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { workFolder } from './cli.testkit.js';
import { allowRisky, allowVip, bundleYaml, denyNew, repository, statesOf } from './sync.testkit.js';

let server: TestServer;
const folder = workFolder();
const repo = repository(folder.path, () => server);

const rules = [
  {
    id: 'allow-vip',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'allow',
    reason: 'Senders we know: "friends", and \u00e4\u00f6\u00fc \ud83d\ude00',
    conditions: { 'sender in': { list: 'vip_senders' }, '>=risk_score': 85.5 },
    metadata: { lint_ignore: { evadable: 'yes: it is meant so' }, 'odd key': [null, true, 'no', '1.0', ' x ', 'a\nb'] },
  },
];

/** A server that people have worked on for a while, without Git. */
beforeAll(async () => {
  server = await startTestServer();
  await server.call('putList', {
    params: { name: 'vip_senders' },
    body: {
      values: ['yes', '1.0', 'ann@example.com', 7, true, '# no comment'],
      normalize: 'email',
      description: 'Who: #1',
      live: true,
    },
  });
  await server.call('putCatalogAgent', {
    params: { agent: 'support.mail' },
    body: { description: 'null', mode: 'observe' },
  });
  const schema = { type: 'object', properties: { n: { type: 'number', maximum: 1e21 }, s: { pattern: '^a: #\\d+$' } } };
  await server.call('putCatalogAction', {
    params: { action: 'mail.reply' },
    body: { agents: ['support.*'], context_schema: schema, risk: 'low', cost: 0.25, description: 'Reply' },
  });
  const { body } = await server.call('createBundle', {
    body: { version: '4.2.0', rules, notes: 'Line one\nline two\n', metadata: { ticket: 'OPS-1' } },
  });
  const approval = await server.call('createApproval', {
    body: { kind: 'activation', bundle_id: body.id, initial_pct: 100, justification: 'In use for long' },
  });
  await server.call('approve', { params: { id: approval.body.id } });
  await server.call('activateBundle', {
    params: { id: body.id },
    body: { approval_id: approval.body.id, canary_pct: 100 },
  });
});
afterAll(() => server.close());

describe('a server that is in use', () => {
  it('is taken into an empty folder whole, and is in step with it', async () => {
    repo.write('README.txt', 'Ours');
    const { code, stdout } = await repo.sync(['pull', '--git', 'policies', '--all']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^wrote {3}bundles\/4\.2\.0\.yaml: bundle:4\.2\.0\nwrote {3}lists\/vip_senders\.yaml: list:vip_senders\nwrote {3}catalog\.yaml: .*action:mail\.reply/,
    );
    repo.commit();
    const drift = await repo.json('drift');
    expect(statesOf(drift)).toEqual({});
    expect(drift).toMatchObject({ code: 0, in_step: true });
    expect((await repo.sync(['pull', '--git', 'policies', '--all'])).stdout).toBe('the folder holds all of it\n');
  });

  it('keeps what an agent is allowed in an emergency: the file says nothing of it', async () => {
    expect(repo.read('catalog.yaml')).not.toContain('mode');
    await server.call('putCatalogAgent', { params: { agent: 'support.mail' }, body: { mode: 'enforce' } });
    expect((await repo.json('drift')).in_step).toBe(true);
  });

  it('keeps `live`, which never changes', async () => {
    const text = repo.read('lists/vip_senders.yaml');
    repo.write('lists/vip_senders.yaml', text.replace('live: true', 'live: false'));
    const plan = await repo.json('plan', '--overwrite', 'list:vip_senders');
    repo.write('lists/vip_senders.yaml', text);
    expect(plan.code).toBe(1);
    expect(plan.items.find(({ state }) => state === 'conflict')?.message).toContain('write `live: true`');
  });
});

it('settings that no server takes are planned as they are, and told by the server', async () => {
  repo.write(
    'settings.yaml',
    'default_effect: [1]\ncatalog: 5\nenforce_context: "no"\nlint_severities: { conflict: loud }\ngates: null\ncritical: []\nsteps: {}\n',
  );
  repo.commit();
  const plan = await repo.json('plan');
  expect(plan.code).toBe(0);
  const applied = await repo.json('apply');
  expect(applied.code).toBe(1);
  expect(applied.steps.map(({ key, state }) => `${key} ${state}`)).toEqual(
    ['default_effect', 'catalog', 'enforce_context', 'lint_severities', 'gates', 'critical', 'steps'].map(
      (name) => `setting:${name} refused`,
    ),
  );
  repo.remove('settings.yaml');
  repo.commit();
});

it('a draft that is changed between the plan and its turn is left as it is', async () => {
  repo.write('bundles/next.yaml', bundleYaml('4.3.0', [denyNew, allowVip]));
  repo.commit();
  await repo.json('apply');
  repo.write('bundles/next.yaml', bundleYaml('4.3.0', [denyNew, allowVip, allowRisky]));
  const commit = repo.commit();
  const printer = { write: () => {}, isTerminal: false, columns: 80, style: noStyle };
  const terminal = { out: printer, err: printer, env: {}, now: () => 0, stdin: (async function* () {})() } as Terminal;
  const read = await readFolder(`${folder.path}/policies`, terminal);
  const client = new PolicyStudioClient({ url: server.url, token: server.adminToken });
  const seen = await readServer(client, read);
  const { body } = await server.call('getBundleByVersion', { params: { version: '4.3.0' } });
  await server.call('updateBundle', { params: { id: body.id }, body: { notes: 'Meanwhile' } });
  const item = {
    kind: 'bundle',
    name: '4.3.0',
    state: 'update',
    file: 'bundles/next.yaml',
    place: null,
    message: '',
  } as const;
  const steps = await applyItems({ client, folder: read, server: seen, commit, justification: null }, [item]);
  expect(steps).toEqual([
    { key: 'bundle:4.3.0', state: 'refused', message: 'somebody changed it meanwhile: plan again', approvalId: null },
  ]);
  const now = await server.call('getBundleByVersion', { params: { version: '4.3.0' } });
  expect(now.body).toMatchObject({ notes: 'Meanwhile', digest: body.digest });
  expect(statesOf(await repo.json('plan'))).toEqual({ 'bundle:4.3.0': 'conflict' });
});

it('fails as other commands do without a server, a folder or a key', async () => {
  expect(await repo.sync(['--git', 'nowhere'])).toMatchObject({ code: 2, stderr: expect.stringContaining('nowhere') });
  expect((await repo.sync(['--git', 'policies', '--url', 'http://127.0.0.1:9', '--timeout', '1'])).code).toBe(3);
  expect((await repo.sync(['--git', 'policies'], 'no-such-key-at-all')).code).toBe(3);
  expect((await repo.sync(['plan'])).code).toBe(2);
});
