import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { workFolder } from './cli.testkit.js';
import { allowRisky, allowVip, bundleYaml, denyNew, repository, statesOf, stepsOf } from './sync.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
const repo = repository(workFolder().path, () => server);

const list = `# Who may write to us.
normalize: email
values:
  - ann@example.com # the founder
  # Until the end of the year.
  - bob@example.com
`;
const catalog = `# What there is.
agents:
  - agent: support.mail # answers customers
    description: Answers
actions:
  - action: mail.reply
    agents: [support.*]
    risk: low # so far
`;
const messageOf = (plan: { items: readonly { key: string; message: string }[] }, key: string) =>
  plan.items.find((item) => item.key === key)?.message;
const draft = async (version: string) => (await server.call('getBundleByVersion', { params: { version } })).body;
const values = async (name: string) => (await server.call('getList', { params: { name } })).body.values;

beforeAll(async () => {
  repo.write('bundles/mail.yaml', bundleYaml('1.0.0', [denyNew, allowVip]));
  repo.write('lists/vip_senders.yaml', list);
  repo.write('catalog.yaml', catalog);
  repo.write('settings.yaml', 'dwell_hours: 12 # half a day\n');
  repo.commit();
  expect((await repo.json('apply')).code).toBe(0);
});

describe('what is changed on the server', () => {
  beforeAll(async () => {
    const { id, rules } = await draft('1.0.0');
    const changed = rules.map((rule) => (rule.id === 'deny-new-domains' ? { ...rule, priority: 90 } : rule));
    await server.call('updateBundle', { params: { id }, body: { rules: changed, notes: 'By hand' } });
    await server.call('putList', {
      params: { name: 'vip_senders' },
      body: { values: ['zoe@example.com', 'bob@example.com', 'ann@example.com'], normalize: 'email' },
    });
    await server.call('putCatalogAction', { params: { action: 'mail.reply' }, body: { risk: 'high' } });
    await server.call('putSettings', { body: { dwell_hours: 48 } });
  });

  const conflicts = {
    'action:mail.reply': 'conflict',
    'list:vip_senders': 'conflict',
    'setting:dwell_hours': 'conflict',
    'bundle:1.0.0': 'conflict',
  };

  it('is a conflict, with who did it and what to do', async () => {
    const plan = await repo.json('plan');
    expect(plan.code).toBe(1);
    expect(statesOf(plan)).toEqual(conflicts);
    expect(messageOf(plan, 'list:vip_senders')).toMatch(
      /^2 values, 3 on the server\. No commit of the folder held what is on the server \(admin, .*\): take it into the folder with `policy-studio sync pull`, or lose it with --overwrite list:vip_senders$/,
    );
    expect(messageOf(plan, 'setting:dwell_hours')).toMatch(/^48 → 12\. .*\(admin, /);
    expect(messageOf(plan, 'action:mail.reply')).toMatch(/^risk: "high" → "low"\. /);
    expect(messageOf(plan, 'bundle:1.0.0')).toMatch(/^rules: 1 modified; notes\. /);
  });

  it('is not touched by `apply`, and neither is anything else', async () => {
    repo.write('lists/other.yaml', '[1, 2]\n');
    repo.commit();
    const before = (await server.call('listAudit')).body.entries[0]?.seq;
    const applied = await repo.sync(['apply', '--git', 'policies']);
    expect(applied).toMatchObject({ code: 1, stdout: expect.stringContaining('nothing was applied') });
    expect((await server.call('listAudit')).body.entries[0]?.seq).toBe(before);
  });

  it('is an error at its line for GitHub', async () => {
    const { code, stdout } = await repo.sync(['plan', '--git', 'policies', '--format', 'github']);
    expect(code).toBe(1);
    expect(stdout).toContain(
      '::error file=policies/settings.yaml,line=1,col=1,title=policy-studio sync-conflict::`setting:dwell_hours`: 48 → 12. ',
    );
    expect(stdout).toContain('::notice file=policies/lists/other.yaml,title=policy-studio out-of-step::');
  });

  it('is pulled into the files, whose comments stay', async () => {
    const { code, stdout, stderr } = await repo.sync(['pull', '--git', 'policies']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').sort()).toEqual([
      '',
      'changed bundles/mail.yaml: bundle:1.0.0',
      'changed catalog.yaml: action:mail.reply',
      'changed lists/vip_senders.yaml: list:vip_senders',
      'changed settings.yaml: setting:dwell_hours',
    ]);
    expect(repo.read('lists/vip_senders.yaml')).toBe(`${list}  - zoe@example.com\n`);
    expect(repo.read('catalog.yaml')).toBe(catalog.replace('low # so far', 'high # so far'));
    expect(repo.read('settings.yaml')).toBe('dwell_hours: 48 # half a day\n');
    const text = bundleYaml('1.0.0', [denyNew.replace('priority: 80', 'priority: 90'), allowVip]);
    expect(repo.read('bundles/mail.yaml')).toBe(`${text}notes: By hand\n`);
    repo.commit('pulled');
    expect(statesOf(await repo.json('plan'))).toEqual({ 'list:other': 'create' });
    expect((await repo.sync(['pull', '--git', 'policies'])).stdout).toBe('the folder holds all of it\n');
  });

  it('is lost only where that is said', async () => {
    await server.call('putList', { params: { name: 'vip_senders' }, body: { values: ['eve@example.com'] } });
    const wrong = await repo.sync(['apply', '--git', 'policies', '--overwrite', 'list:vip_sender']);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean `list:vip_senders`?') });
    expect(stepsOf(await repo.json('apply', '--overwrite', 'list:vip_senders'))).toEqual({
      'list:vip_senders': 'updated',
      'list:other': 'created',
    });
    expect(await values('vip_senders')).toEqual(['ann@example.com', 'bob@example.com', 'zoe@example.com']);
  });
});

describe('what the folder holds no more', () => {
  it('stays on the server without --prune', async () => {
    repo.write('lists/kept.yaml', '[a]\n');
    repo.write('bundles/spare.yaml', bundleYaml('0.9.0', [allowRisky]));
    repo.commit();
    expect((await repo.json('apply')).code).toBe(0);
    for (const name of ['lists/other.yaml', 'lists/kept.yaml', 'bundles/spare.yaml']) repo.remove(name);
    repo.write('catalog.yaml', 'agents: []\nactions: []\n');
    repo.commit();
    const gone = {
      'list:other': 'gone',
      'list:kept': 'gone',
      'action:mail.reply': 'gone',
      'agent:support.mail': 'gone',
    };
    const applied = await repo.json('apply');
    expect(applied).toMatchObject({ code: 0, steps: [] });
    expect(statesOf(applied)).toEqual(gone);
    expect(await repo.json('drift')).toMatchObject({ code: 1, in_step: false });
  });

  it('is deleted with it, but not what Git never held and not what was changed since', async () => {
    await server.call('putList', { params: { name: 'kept' }, body: { values: ['a', 'b'] } });
    await server.call('putList', { params: { name: 'theirs' }, body: { values: ['x'] } });
    await server.call('createBundle', { body: { version: '7.0.0', rules: (await draft('1.0.0')).rules } });
    const applied = await repo.json('apply', '--prune');
    expect(stepsOf(applied)).toEqual({
      'bundle:0.9.0': 'deleted',
      'list:other': 'deleted',
      'action:mail.reply': 'deleted',
      'agent:support.mail': 'deleted',
    });
    expect(messageOf(applied, 'list:kept')).toContain('was changed on the server since');
    expect((await server.call('listLists')).body.lists.map(({ name }) => name)).toEqual([
      'kept',
      'theirs',
      'vip_senders',
    ]);
    const { bundles } = (await server.call('listBundles')).body;
    expect(bundles.map(({ version }) => version)).toEqual(['7.0.0', '1.0.0']);
    expect((await server.call('getCatalog')).body.agents.length).toBeGreaterThan(0);
  });
});

describe('what is in force', () => {
  const force = async (version: string) => {
    const { id } = await draft(version);
    const { body } = await server.call('createApproval', {
      body: { kind: 'activation', bundle_id: id, initial_pct: 100, justification: 'So that it is in force' },
    });
    await server.call('approve', { params: { id: body.id } });
    const { status } = await server.call('activateBundle', {
      params: { id },
      body: { approval_id: body.id, canary_pct: 100, supersede: true },
    });
    expect(status).toBe(200);
    return id;
  };

  it('is not replaced when it came about on the server, and is taken into the one file of the folder', async () => {
    await force('1.0.0');
    const rules = (await draft('1.0.0')).rules.filter(({ id }) => id === 'deny-new-domains');
    await server.call('createBundle', {
      body: { version: '1.0.1', rules, notes: 'At night', metadata: { why: 'fire' } },
    });
    await force('1.0.1');
    const drift = await repo.json('drift');
    expect(drift).toMatchObject({
      code: 1,
      in_force: { state: 'foreign', message: expect.stringMatching(/^1\.0\.1 is in force, which/) },
    });
    const refused = await repo.json('apply', '--request-approval', '--justification', 'Again');
    expect(refused).toMatchObject({
      code: 1,
      steps: [{ state: 'refused', message: expect.stringContaining('--overwrite in-force') }],
    });

    expect((await repo.sync(['pull', '--git', 'policies'])).stdout).toBe('changed bundles/mail.yaml: bundle:1.0.1\n');
    const text = bundleYaml('1.0.1', [denyNew.replace('priority: 80', 'priority: 90')]);
    expect(repo.read('bundles/mail.yaml')).toBe(`${text}notes: At night\nmetadata:\n  why: fire\n`);
    repo.commit();
    expect((await repo.json('drift')).in_force.state).toBe('in_step');
  });

  it('is a file of its own where the folder has gone on', async () => {
    repo.write('bundles/mail.yaml', bundleYaml('1.2.0', [denyNew, allowRisky]));
    repo.commit();
    const { rules } = await draft('1.0.0');
    await server.call('createBundle', { body: { version: '1.1.0', rules } });
    await force('1.1.0');
    expect((await repo.sync(['pull', '--git', 'policies'])).stdout).toBe('wrote   bundles/1.1.0.yaml: bundle:1.1.0\n');
    repo.commit();
    expect(await repo.json('plan')).toMatchObject({ code: 0, in_force: { state: 'ahead', head: '1.2.0' } });
  });

  it('is told apart from a version that was rolled back, which is not asked for again', async () => {
    expect((await repo.json('apply')).code).toBe(0);
    const id = await force('1.2.0');
    await server.call('rollbackBundle', {
      params: { id },
      body: { reason: 'It denies too much', create_incident: false },
    });
    const asked = await repo.json('apply', '--request-approval', '--justification', 'Once more');
    expect(asked).toMatchObject({ code: 1, in_force: { state: 'rolled_back' } });
    expect(asked.steps).toMatchObject([
      { key: 'bundle:1.2.0', state: 'refused', message: expect.stringContaining('raise `version`') },
    ]);
  });

  it('is not in step while an emergency decides', async () => {
    await server.call('disablePolicy', { body: { effect: 'deny', reason: 'All agents are to stop', ttl_minutes: 5 } });
    expect((await repo.json('drift')).in_force.emergencies).toEqual([
      'every request is answered deny: the emergency switch is on',
    ]);
    await server.call('enablePolicy', { body: { reason: 'It is over by now' } });
  });
});
