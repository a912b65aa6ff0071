import { readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

const cli = (...args: string[]) =>
  run(args, { cwd: folder.path, env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken } });
const workspaces = (...args: string[]) => cli('workspaces', ...args);

const rules = [{ id: 'one', agent: '*', action: '*', effect: 'deny', reason: 'nothing is allowed here' }];

// One story, told in order.
it('makes a workspace with quotas and shows what is used of them', async () => {
  const made = await workspaces(
    'create',
    'team',
    '--description',
    'a team',
    '--bundles',
    '2',
    '--decisions-kept',
    '5000',
  );
  expect(made).toMatchObject({ code: 0, stdout: 'team: active, a team\n' });
  await server.call('createBundle', { headers: { 'x-workspace': 'team' }, body: { version: '1.0.0', rules } });
  const { stdout } = await workspaces('show', 'team');
  expect(stdout).toMatch(/\nbundles +1 +2\n/);
  expect(stdout).toMatch(/\nrules_per_bundle +1 +no limit\n/);
  expect(stdout).toMatch(/\ndecisions_kept +0 +5,000\n/);
  expect((await workspaces('quotas', 'team', '--bundles', 'none')).stdout).toMatch(/^team: bundles no limit, /);
  expect(await workspaces('quotas', 'team')).toMatchObject({ code: 2, stderr: expect.stringMatching(/name a quota/) });
  expect((await workspaces('list')).stdout).toMatch(/\ndefault +active .*\nteam +active .* a team *\n/);
});

it('writes an export that nobody else may read, and takes it in elsewhere', async () => {
  const headers = { 'x-workspace': 'team' };
  await server.call('putList', { headers, params: { name: 'vips' }, body: { values: ['old'] } });
  await server.call('putList', {
    headers,
    params: { name: 'vips' },
    body: { values: ['ann', 'bob'], normalize: 'lower' },
  });
  await server.call('putCatalogAgent', { headers, params: { agent: 'mine.own' }, body: { mode: 'observe' } });
  await server.call('putCatalogAction', {
    headers,
    params: { action: 'pay' },
    body: { risk: 'high', agents: ['mine.own'] },
  });
  await server.call('putSettings', { headers, body: { default_effect: 'needs_approval', retention_days: 7 } });
  expect(await workspaces('export', 'team', '-o', 'team.ndjson')).toMatchObject({ code: 0, stderr: '' });
  const path = join(folder.path, 'team.ndjson');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const lines = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ format: 'policy-studio-workspace-1', workspace: 'team' });
  expect(lines.at(-1)).toEqual({ end: true, items: lines.length - 2 });
  expect(await workspaces('export', 'team', '-o', 'team.ndjson')).toMatchObject({ code: 2 });

  await workspaces('create', 'copy');
  expect(await workspaces('import', 'team.ndjson', '--workspace', 'copy')).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^made \d+ agents, \d+ actions, 1 list, 1 draft, settings\n$/),
  });
  const there = { headers: { 'x-workspace': 'copy' } };
  const list = await server.call('getList', { ...there, params: { name: 'vips' } });
  expect(list.body).toMatchObject({ values: ['ann', 'bob'], normalize: 'lower' });
  const bundle = await server.call('getBundleByVersion', { ...there, params: { version: '1.0.0' } });
  expect(bundle.body).toMatchObject({ status: 'draft', rules });
  const settings = await server.call('getSettings', there);
  expect(settings.body).toMatchObject({ default_effect: 'needs_approval', retention_days: 7 });
  const action = await server.call('getCatalogAction', { ...there, params: { action: 'pay' } });
  expect(action.body).toMatchObject({ risk: 'high', agents: ['mine.own'] });
  const { body: catalog } = await server.call('getCatalog', there);
  expect(catalog.agents.find(({ agent }) => agent === 'mine.own')).toMatchObject({ mode: 'observe' });

  // What is there stays, and is told.
  const again = await workspaces('import', 'team.ndjson', '--workspace', 'copy');
  expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/^left out bundle 1\.0\.0: /) });
});

it('says of a file that was cut short that it was', async () => {
  const path = join(folder.path, 'team.ndjson');
  truncateSync(path, statSync(path).size - 25);
  expect(await workspaces('import', 'team.ndjson', '--workspace', 'copy')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/team\.ndjson/),
  });
  folder.write('other.json', '{"rules": []}\n');
  expect(await workspaces('import', 'other.json')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is not what `workspaces export` writes/),
  });
});

it('archives, has deleted, keeps and restores', async () => {
  expect((await workspaces('archive', 'copy', '--reason', 'no longer used')).stdout).toMatch(
    /^copy: archived .* \(admin: no longer used\)\n$/,
  );
  expect(await workspaces('import', 'other.json', '--workspace', 'copy')).toMatchObject({ code: 2 });
  expect(await cli('lists', 'put', 'x', 'other.json', '--workspace', 'copy')).not.toMatchObject({ code: 0 });
  const wrong = await workspaces('delete', 'copy', '--reason', 'gone', '--confirm', 'team');
  expect(wrong).toMatchObject({ code: 3, stderr: expect.stringMatching(/repeat that name/) });
  const asked = await workspaces('delete', 'copy', '--reason', 'gone', '--confirm', 'copy', '--grace-days', '2');
  expect(asked.stdout).toMatch(/^copy: to be deleted \d{4}-.* \(admin: gone\)\n$/);
  expect((await workspaces('keep', 'copy')).stdout).toMatch(/^copy: archived /);
  expect((await workspaces('restore', 'copy')).stdout).toBe('copy: active\n');
  expect((await workspaces('deleted')).stdout).toBe('none was deleted\n');
});
