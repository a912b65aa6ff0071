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
  run(args, {
    cwd: folder.path,
    env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
  });

it('is Markdown that says what there is nothing to tell by, and then what there is', async () => {
  const nothing = await cli('report');
  expect(nothing.code).toBe(0);
  expect(nothing.stdout).toContain(': 0 changes of policy.');
  expect(nothing.stdout).toMatch(/^\| Changes rolled back \| nothing yet \| 0 of 0 \| below 5 % \| unknown \|$/m);
  expect(nothing.stdout).toMatch(/^No rule is about `\w+`/m);

  const rules = [{ id: 'all', agent: '*', action: '*', effect: 'deny', reason: 'a first rule' }];
  const { id } = (await server.call('createBundle', { body: { version: '1.0.0', rules } })).body;
  const asked = { kind: 'activation', bundle_id: id, initial_pct: 100, justification: 'the first', risk: 'low' };
  const { id: approvalId } = (await server.call('createApproval', { body: asked })).body;
  await server.call('approve', { params: { id: approvalId }, body: {} });
  const body = { approval_id: approvalId, canary_pct: 100 };
  expect((await server.call('activateBundle', { params: { id }, body })).status).toBe(200);

  const { stdout } = await cli('report', '--days', '7');
  expect(stdout).toContain(': 1 change of policy.');
  expect(stdout).toMatch(/^\| Changes rolled back \| 0 % \| 0 of 1 \| below 5 % \| met \|$/m);
  expect(stdout).toMatch(/^\| Actions covered by rules \| 100 % \| (\d+) of \1 \| 100 % \| met \|$/m);
  expect(stdout).toMatch(/^\| Created to activated \| \d+ s \| median of 1 \| {2}\| {2}\|$/m);
  expect(stdout).not.toContain('No rule is about');
});

it('gives the figures themselves as JSON, and refuses days out of range', async () => {
  const { stdout } = await cli('report', '--days', '7', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ days: 7, figures: { rolled_back: { target: 0.05 } } });
  expect((await cli('report', '--days', '0')).code).toBe(2);
});
