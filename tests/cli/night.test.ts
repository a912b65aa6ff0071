import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
let nowMs = Date.parse('2026-11-20T12:00:00Z');
beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict', clock: { now: () => new Date(nowMs) } });
});
afterAll(() => server?.close());

const cli = (...args: string[]) =>
  run(args, {
    cwd: folder.path,
    env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
  });

describe('freeze-windows', () => {
  it('are added in four forms, and tell which they are', async () => {
    expect((await cli('freeze-windows', 'list')).stdout).toBe('no freeze windows\nnothing is frozen now\n');
    const made = [
      ['weekend', '--from', 'Friday 16:00', '--to', 'mon 08:00', '--time-zone', 'Europe/Vienna'],
      ['night', '--from', '22:00', '--to', '06:00', '--days', 'mon,Tuesday'],
      ['holidays', '--from', '12-20', '--to', '01-02'],
      ['audit', '--from', '2026-12-10T18:00', '--to', '2026-12-11T06:00', '--reason', 'the books are closed'],
    ];
    for (const args of made) expect((await cli('freeze-windows', 'add', ...args)).stderr).toBe('');
    const { freeze_windows: windows } = (await server.call('listFreezeWindows')).body;
    expect(windows.map(({ rule }) => rule)).toEqual([
      { type: 'weekly', from: { day: 'friday', time: '16:00' }, to: { day: 'monday', time: '08:00' } },
      { type: 'daily', days: ['monday', 'tuesday'], from: '22:00', to: '06:00' },
      { type: 'yearly', from: '12-20', to: '01-02' },
      { type: 'dates', from: '2026-12-10T18:00', to: '2026-12-11T06:00' },
    ]);
    nowMs += 5 * 3_600_000;
    const { stdout } = await cli('freeze-windows', 'list');
    expect(stdout).toMatch(
      /^1 +weekend +friday 16:00 to monday 08:00 +Europe\/Vienna +on until 2026-11-23 07:00 UTC /m,
    );
    expect(stdout).toMatch(/^4 +audit +2026-12-10T18:00 to 2026-12-11T06:00 .* off /m);
    expect(stdout).toMatch(/^frozen until 2026-11-23 07:00 UTC: weekend$/m);
  });

  it('are switched off and removed', async () => {
    expect((await cli('freeze-windows', 'disable', '1')).stdout).toMatch(/^freeze window 1 weekend: .*, disabled$/m);
    expect((await cli('freeze-windows', 'list')).stdout).toMatch(/^nothing is frozen now$/m);
    expect((await cli('freeze-windows', 'enable', '1')).stdout).toContain('on until');
    expect((await cli('freeze-windows', 'remove', '1')).stdout).toBe('removed freeze window 1\n');
    expect(await cli('freeze-windows', 'remove', '1')).toMatchObject({ code: 3 });
  });

  it.each([
    [['--from', 'tomorrow', '--to', 'later'], /--help shows the four forms/],
    [['--from', '22:00', '--to', 'monday 06:00'], /--help shows the four forms/],
    [['--from', 'someday 16:00', '--to', 'monday 08:00'], /someday is no day/],
    [['--from', '12-20', '--to', '01-02', '--days', 'monday'], /--days is for/],
    [['--from', '22:00', '--to', '06:00', '--days', 'mo,noday'], /names such as monday/],
    [['--from', '22:00'], /--to/],
  ])('are not misread: %o', async (args, message) => {
    const { code, stderr } = await cli('freeze-windows', 'add', 'name', ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('settings', () => {
  it('are shown and changed, one by one or from a file', async () => {
    expect(
      (await cli('settings', 'set', 'dwell_hours=2', 'gates.max_error_rate=0.02', 'time_zone=Europe/Vienna')).stdout,
    ).toBe('changed dwell_hours, gates, time_zone\n');
    const file = folder.write('settings.yaml', 'cost_budget_24h: null\nsteps: [20, 100]\n');
    expect((await cli('settings', 'set', '--file', file)).code).toBe(0);
    const { stdout } = await cli('settings', 'show');
    expect(stdout).toMatch(/^dwell_hours +2$/m);
    expect(stdout).toMatch(/^gates\.max_error_rate +0\.02$/m);
    expect(stdout).toMatch(/^gates\.max_deny_rate +0\.3$/m);
    expect(stdout).toMatch(/^time_zone +"Europe\/Vienna"$/m);
    expect(stdout).toMatch(/^steps +\[20,100\]$/m);
    expect(stdout).toMatch(/^changed 2026-11-20 17:00 UTC by admin$/m);
  });

  it('are refused as the server refuses them', async () => {
    for (const change of ['no_such=1', 'dwell_hours=-1', 'gates.no_such=1', 'steps=[1', 'time_zone=Mars/Base']) {
      expect(await cli('settings', 'set', change)).toMatchObject({ code: 3, stdout: '' });
    }
    for (const args of [[], ['dwell_hours'], ['=1'], ['dwell_hours=1', '--file', 'x.yaml']]) {
      expect(await cli('settings', 'set', ...args)).toMatchObject({ code: 2 });
    }
    const file = folder.write('array.json', '[1]');
    expect(await cli('settings', 'set', '--file', file)).toMatchObject({ code: 2 });
  });
});

describe('what happened', () => {
  const ask = (agent: string, action: string, session: string) =>
    server.call('evaluate', { body: { agent, action, context: {}, session } });

  it('tells what observed agents would have been denied', async () => {
    expect((await cli('decisions', 'would-deny')).stdout).toMatch(/^no agent is observed now\n0 decisions while /);
    await cli('catalog', 'put-agent', 'inbox.triage', '--mode', 'observe');
    for (const session of ['a', 'b']) await ask('inbox.triage', 'quarantine', session);
    nowMs += 1_000;
    const { stdout } = await cli('decisions', 'would-deny', '--days', '1');
    expect(stdout).toMatch(/^observed now: inbox\.triage$/m);
    expect(stdout).toMatch(/0 allowed, 2 denied, 0 left to an approval, if it were enforced$/m);
    expect(stdout).toMatch(/^inbox\.triage +quarantine +deny +2 +2 +2026-11-20 17:00 UTC +- /m);
    const other = await cli('decisions', 'would-deny', '--agent', 'planner.deploy', '--json');
    expect(JSON.parse(other.stdout)).toMatchObject({ decisions: 0, groups: [] });
    await cli('catalog', 'put-agent', 'inbox.triage', '--mode', 'enforce');
  });

  it('finds decisions by session, bundle and failure', async () => {
    const listed = async (...args: string[]) =>
      (JSON.parse((await cli('decisions', 'list', '--json', ...args)).stdout) as { decisions: unknown[] }).decisions;
    expect(await listed('--session', 'a')).toHaveLength(1);
    expect(await listed('--failed')).toHaveLength(0);
    const rules = [{ id: 'all', agent: '*', action: '*', effect: 'deny', reason: 'nothing at all' }];
    const { body: bundle } = await server.call('createBundle', { body: { version: '1.0.0', rules } });
    expect(await listed('--bundle', '1.0.0')).toHaveLength(0);
    expect(await cli('decisions', 'list', '--bundle', '9.9.9')).toMatchObject({ code: 3 });
    expect((await cli('bundles', 'delete', '1.0.0')).stdout).toBe(`deleted 1.0.0 (id ${bundle.id})\n`);
  });

  it('tells the history of a list', async () => {
    await server.call('putList', { params: { name: 'vips' }, body: { values: ['a'] } });
    await server.call('putList', { params: { name: 'vips' }, body: { values: ['a', 'b'] } });
    const { stdout } = await cli('lists', 'history', 'vips');
    expect(stdout.split('\n').slice(1, 3)).toEqual([
      expect.stringMatching(/^ +2 +2 +- +\S+ \S+ UTC +admin +[0-9a-f]{12}$/),
      expect.stringMatching(/^ +1 +1 +- +\S+ \S+ UTC +admin +[0-9a-f]{12}$/),
    ]);
  });
});

it('puts away a bundle that does not decide', async () => {
  const rules = [{ id: 'all', agent: '*', action: '*', effect: 'deny', reason: 'nothing at all' }];
  await server.call('createBundle', { body: { version: '2.0.0', rules } });
  expect((await cli('bundles', 'archive', '2.0.0')).stdout).toMatch(/^2\.0\.0 \(id \d+\) is archived\n$/);
  expect(await cli('bundles', 'delete', '2.0.0')).toMatchObject({ code: 3 });
});

it('looks after long work', async () => {
  expect((await cli('jobs', 'list')).stdout).toBe('no jobs\n');
  const rules = [{ id: 'all', agent: '*', action: '*', effect: 'deny', reason: 'nothing at all' }];
  const { body } = await server.call('simulate', { body: { rules, background: true } });
  const id = String('progress' in body ? body.id : 0);
  expect((await cli('jobs', 'list')).stdout).toMatch(/^1 +simulate +queued +0 /m);
  expect(await cli('jobs', 'show', id, '--output', 'early.json')).toMatchObject({ code: 3 });
  expect((await cli('jobs', 'cancel', id)).stdout).toMatch(/^job 1 \(simulate, asked by admin\) is canceled, 0/);
  expect(() => readFileSync(join(folder.path, 'early.json'))).toThrow();
});
