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

const lists =
  '# Who may write to us.\nnormalize: email\nvalues:\n  - ann@example.com # the founder\n  - bob@example.com\n';
const bundleOf = async (version: string) => (await server.call('getBundleByVersion', { params: { version } })).body;

// One story, told in order: each step stands on the ones before.
describe('a folder that a server is kept in step with', () => {
  let commit = '';

  it('is planned: what is new, its findings, and which decisions change', async () => {
    repo.write('bundles/mail.yaml', bundleYaml('1.0.0', [denyNew, allowVip]));
    repo.write('lists/vip_senders.yaml', lists);
    repo.write('settings.yaml', 'dwell_hours: 0\ngates:\n  min_sample_size: 10\n');
    commit = repo.commit();
    const plan = await repo.json('plan');
    expect(plan).toMatchObject({ code: 0, commit, in_step: false, in_force: { state: 'ahead' } });
    expect(statesOf(plan)).toEqual({
      'list:vip_senders': 'create',
      'setting:dwell_hours': 'update',
      'setting:gates': 'update',
      'bundle:1.0.0': 'create',
    });
    expect(plan.lint.summary.errors).toBe(0);
    expect(plan.diff?.semantic.changes).toMatchObject([{ from: 'deny', to: 'allow' }]);
    expect((await server.call('listBundles')).body.total).toBe(0);
  });

  it('is the same plan without a word, and twice', async () => {
    const text = await repo.sync(['--git', 'policies']);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toContain('+ create   bundle:1.0.0\n');
    expect(text.stdout).toContain('1.0.0 is not in force, nothing is\n');
    expect(await repo.sync(['plan', '--git', 'policies'])).toEqual(text);
  });

  it('is applied once: a second time there is nothing to do', async () => {
    const applied = await repo.json('apply');
    expect(applied.code).toBe(0);
    expect(stepsOf(applied)).toEqual({
      'list:vip_senders': 'created',
      'setting:dwell_hours': 'updated',
      'setting:gates': 'updated',
      'bundle:1.0.0': 'created',
    });
    const bundle = await bundleOf('1.0.0');
    expect(bundle).toMatchObject({ status: 'draft', metadata: { git: { commit, file: 'bundles/mail.yaml' } } });
    const { body: events } = await server.call('listAudit');
    const again = await repo.sync(['apply', '--git', 'policies']);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^nothing to do at commit [0-9a-f]{12}\n/) });
    expect((await server.call('listAudit')).body.entries[0]?.seq).toBe(events.entries[0]?.seq);
  });

  it('brings nothing into force by itself, asks when told to, once, and activates what was approved', async () => {
    expect((await repo.json('drift')).in_force).toMatchObject({ state: 'ahead' });
    expect((await repo.json('apply', '--activate')).steps).toMatchObject([
      { key: 'bundle:1.0.0', state: 'refused', message: expect.stringContaining('--request-approval') },
    ]);
    const ask = ['--request-approval', '--justification', 'First rules'];
    const asked = await repo.json('apply', ...ask);
    expect(asked.steps).toMatchObject([{ key: 'bundle:1.0.0', state: 'waits', approval_id: 1 }]);
    expect((await repo.json('apply', ...ask)).steps).toMatchObject([{ state: 'waits', approval_id: 1 }]);
    expect((await server.call('listApprovals')).body.total).toBe(1);
    await server.call('approve', { params: { id: 1 } });
    expect((await repo.json('apply', ...ask)).steps).toMatchObject([
      { state: 'waits', message: expect.stringContaining('policy-studio bundles activate 1.0.0 --approval 1') },
    ]);
    const activated = await repo.json('apply', '--activate');
    expect(activated).toMatchObject({ code: 0, steps: [{ key: 'bundle:1.0.0', state: 'updated' }] });
    expect((await bundleOf('1.0.0')).active).toBe(true);
    const drift = await repo.json('drift');
    expect(drift).toMatchObject({ code: 0, in_step: true, in_force: { state: 'in_step' } });
  });

  it('does not change what is in force: a version that is used up is to be raised', async () => {
    repo.write('bundles/mail.yaml', bundleYaml('1.0.0', [denyNew, allowVip, allowRisky]));
    repo.commit();
    const plan = await repo.json('plan');
    expect(plan.code).toBe(1);
    expect(statesOf(plan)).toEqual({ 'bundle:1.0.0': 'conflict' });
    expect(plan.items.find(({ key }) => key === 'bundle:1.0.0')?.message).toContain('raise `version`');
    expect(await repo.json('apply')).toMatchObject({ code: 1, steps: [] });
  });

  it('makes a draft of the next version, and follows it while nobody else changes it', async () => {
    repo.write('bundles/mail.yaml', bundleYaml('1.1.0', [denyNew, allowVip, allowRisky]));
    repo.commit();
    expect(stepsOf(await repo.json('apply'))).toEqual({ 'bundle:1.1.0': 'created' });
    repo.write('bundles/mail.yaml', bundleYaml('1.1.0', [denyNew, allowVip, allowRisky], 'Risky mail'));
    repo.write('lists/vip_senders.yaml', lists.replace('bob@', 'eve@'));
    const head = repo.commit();
    const plan = await repo.json('plan');
    expect(plan.in_force).toMatchObject({ state: 'ahead', message: '1.1.0 is not in force yet, 1.0.0 is' });
    expect(statesOf(plan)).toEqual({ 'list:vip_senders': 'update', 'bundle:1.1.0': 'update' });
    expect((await repo.json('apply')).code).toBe(0);
    expect(await bundleOf('1.1.0')).toMatchObject({ notes: 'Risky mail', metadata: { git: { commit: head } } });
  });
});
