import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';
import { allowRisky, allowVip, bundleYaml, denyNew, repository, statesOf, stepsOf } from './sync.testkit.js';

let server: TestServer;
let ann: string;
let viewer: string;
beforeAll(async () => {
  server = await startTestServer({ config: { fourEyesDefault: true } });
  ann = await server.createKey('admin', { owner: 'ann' });
  viewer = await server.createKey('viewer');
});
afterAll(() => server.close());
const folder = workFolder();
const repo = repository(folder.path, () => server);

const listYaml = (...values: string[]) => `values: [${values.join(', ')}]\n`;
const approveAll = async () => {
  const { approvals } = (await server.call('listApprovals', { query: { status: 'pending' } })).body;
  for (const { id } of approvals)
    expect((await server.call('approve', { params: { id }, token: ann })).status).toBe(200);
  return approvals.map(({ kind }) => kind).sort();
};
const ask = ['--request-approval', '--justification', 'See the pull request'];

// One story, told in order: each step stands on the ones before.
describe('under four eyes', () => {
  it('a viewer plans, and applies nothing', async () => {
    repo.write('bundles/mail.yaml', bundleYaml('1.0.0', [denyNew, allowVip]));
    repo.write('lists/vip_senders.yaml', listYaml('ann'));
    repo.commit();
    expect((await repo.sync(['--git', 'policies'], viewer)).code).toBe(0);
    const applied = await repo.sync(['apply', '--git', 'policies'], viewer);
    expect(applied).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^refused {2}list:vip_senders: .*\nrefused {2}bundle:1\.0\.0: /),
    });
    expect((await server.call('listBundles')).body.total).toBe(0);
  });

  it('what decides is asked for once, and used when others have approved it', async () => {
    expect((await repo.json('apply', ...ask)).code).toBe(0);
    expect(await approveAll()).toEqual(['activation']);
    expect((await repo.json('apply', '--activate')).code).toBe(0);
    expect((await repo.json('drift')).in_step).toBe(true);

    repo.write('lists/vip_senders.yaml', listYaml('ann', 'bob'));
    repo.write('settings.yaml', 'default_effect: needs_approval\ndwell_hours: 6\ncritical:\n  max_deny_rate: 0.9\n');
    repo.commit();
    const silent = await repo.json('apply');
    expect(silent.code).toBe(1);
    expect(stepsOf(silent)).toEqual({
      'list:vip_senders': 'refused',
      'setting:dwell_hours': 'updated',
      'setting:default_effect': 'refused',
      'setting:critical': 'refused',
    });
    expect((await server.call('listApprovals', { query: { status: 'pending' } })).body.total).toBe(0);
    const asked = await repo.json('apply', ...ask);
    expect(asked.code).toBe(0);
    expect(stepsOf(asked)).toEqual({
      'list:vip_senders': 'waits',
      'setting:default_effect': 'waits',
      'setting:critical': 'waits',
    });
    const ids = asked.steps.map(({ approval_id }) => approval_id);
    expect(ids[1]).toBe(ids[2]);
    expect((await repo.json('apply', ...ask)).steps).toEqual(asked.steps);
    expect(await approveAll()).toEqual(['list', 'settings']);
    expect(stepsOf(await repo.json('apply'))).toEqual({
      'list:vip_senders': 'updated',
      'setting:default_effect': 'updated',
      'setting:critical': 'updated',
    });
    expect(statesOf(await repo.json('plan'))).toEqual({});
  });

  it('an approval of something else is not used: people are asked anew', async () => {
    repo.write('lists/vip_senders.yaml', listYaml('ann', 'bob', 'eve'));
    repo.commit();
    await repo.json('apply', ...ask);
    await approveAll();
    repo.write('lists/vip_senders.yaml', listYaml('ann', 'bob', 'mallory'));
    repo.commit();
    const applied = await repo.json('apply', ...ask);
    expect(applied.steps).toMatchObject([{ key: 'list:vip_senders', state: 'waits' }]);
    expect((await server.call('getList', { params: { name: 'vip_senders' } })).body.values).toEqual(['ann', 'bob']);
  });

  it('a changed list shows in the decisions that change, although no rule does', async () => {
    const plan = await repo.json('plan');
    expect(statesOf(plan)).toEqual({ 'list:vip_senders': 'update' });
    expect(plan.diff?.semantic.changes).toMatchObject([{ from: 'needs_approval', to: 'allow' }]);
  });
});

describe('`apply` refuses', () => {
  it('what is not committed, ignored files included', async () => {
    repo.write('bundles/next.yaml', bundleYaml('1.1.0', [denyNew]));
    const refused = await repo.sync(['apply', '--git', 'policies']);
    expect(refused).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: policies/bundles/next.yaml: is not committed; only what is committed is applied\n',
    });
    writeFileSync(join(folder.path, '.gitignore'), 'next.yaml\n');
    repo.commit('ignore it');
    expect((await repo.sync(['apply', '--git', 'policies'])).stderr).toContain('bundles/next.yaml: is not committed');
    repo.write('notes.txt', 'no business of the server');
    repo.remove('bundles/next.yaml');
    expect((await repo.sync(['apply', '--git', 'policies', ...ask])).code).toBe(0);
  });

  it('a bundle with lint errors, at its place', async () => {
    repo.write('bundles/next.yaml', bundleYaml('1.1.0', [allowRisky.replace('effect: allow', 'effect: permit')]));
    execFileSync('rm', [join(folder.path, '.gitignore')]);
    repo.commit();
    const refused = await repo.sync(['apply', '--git', 'policies']);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('policies/bundles/next.yaml:7:5 error invalid-rule');
    expect(refused.stdout).toContain('nothing was applied');
    repo.remove('bundles/next.yaml');
    repo.commit();
  });

  it.each([
    ['bundles/a.yaml', 'rules: []\n', 'needs a `version`'],
    ['bundles/a.yaml', 'version: 01.0.0\nrules: []\n', 'MAJOR.MINOR.PATCH'],
    ['bundles/a.yaml', 'version: 1.0.0\nrules: []\n', 'both hold version 1.0.0'],
    ['bundles/a.yaml', 'version: 3.0.0\nmetadata: { git: x }\nrules: []\n', 'is written by `sync`'],
    ['lists/Upper.yaml', '[]\n', 'a list is called as its file'],
    ['lists/odd.yaml', 'values: [a, { b: 1 }]\n', 'odd.yaml:1:13 error invalid-source a list holds strings'],
    ['lists/odd.yaml', 'value: [a]\n', 'unknown key `value`'],
    ['lists/vip_senders.json', '[]\n', 'are the same list'],
    ['catalog.yaml', 'agent: []\n', 'catalog.yaml:1:1 error invalid-catalog unknown key'],
    ['settings.yml', 'dwell_hours: 1\n', 'are both there'],
  ])('%s with %j', async (name, text, message) => {
    repo.write(name, text);
    const { code, stdout, stderr } = await repo.sync(['plan', '--git', 'policies']);
    repo.remove(name);
    expect(stdout).toBe('');
    expect([1, 2]).toContain(code);
    expect(stderr).toContain(message);
  });

  it('a setting that there is not', async () => {
    const before = repo.read('settings.yaml');
    repo.write('settings.yaml', `${before}dwel_hours: 3\n`);
    const { code, stderr } = await repo.sync(['plan', '--git', 'policies']);
    repo.write('settings.yaml', before);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'settings.yaml:5:1 error validation_failed there is no setting `dwel_hours`, did you mean `dwell_hours`?',
    );
  });
});

describe('the history', () => {
  const planIn = async (cwd: string) => {
    const env = { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: viewer, PATH: process.env.PATH ?? '' };
    const { code, stdout } = await run(['sync', '--git', 'policies', '--json'], { cwd, env });
    return { code, plan: JSON.parse(stdout) as Parameters<typeof statesOf>[0] };
  };

  it('says that it is needed whole where only a part was fetched', async () => {
    const { path } = workFolder();
    repo.write('lists/vip_senders.yaml', listYaml('ann', 'bob', 'zoe'));
    repo.commit();
    execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${folder.path}`, join(path, 'shallow')]);
    execFileSync('git', ['clone', '--quiet', `file://${folder.path}`, join(path, 'whole')]);
    const shallow = await planIn(join(path, 'shallow'));
    expect(shallow.code).toBe(1);
    expect(shallow.plan.items.find(({ state }) => state === 'conflict')?.message).toContain('`fetch-depth: 0`');
    const whole = await planIn(join(path, 'whole'));
    expect({ code: whole.code, states: statesOf(whole.plan) }).toEqual({
      code: 0,
      states: { 'list:vip_senders': 'update' },
    });
  });

  it('is followed when a file is renamed', async () => {
    repo.git('mv', 'policies/bundles/mail.yaml', 'policies/bundles/post.yaml');
    repo.write('bundles/post.yaml', bundleYaml('1.1.0', [denyNew, allowVip]));
    repo.commit();
    expect((await repo.json('plan')).in_force).toMatchObject({
      state: 'ahead',
      message: '1.1.0 is not in force yet, 1.0.0 is',
    });
  });

  it('is needed to apply, and to know who is ahead', async () => {
    const bare = workFolder();
    execFileSync('cp', ['-r', join(folder.path, 'policies'), bare.path]);
    const { code, plan } = await planIn(bare.path);
    expect(code).toBe(1);
    expect(plan.items.find(({ state }) => state === 'conflict')?.message).toContain(
      'The folder is in no Git repository',
    );
    const env = { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: ann, PATH: process.env.PATH ?? '' };
    const applied = await run(['sync', 'apply', '--git', 'policies'], { cwd: bare.path, env });
    expect(applied).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is in no Git repository with a commit'),
    });
  });
});
