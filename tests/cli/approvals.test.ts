import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
let agent: string;
let ann: string;
beforeAll(async () => {
  server = await startTestServer({ config: { fourEyesDefault: true } });
  agent = await server.createKey('agent', { owner: 'Rob' });
  ann = await server.createKey('approver', { owner: 'Ann' });
  await server.createKey('approver', { owner: 'Bob' });
});
afterAll(() => server.close());

const as =
  (token: () => string, command = 'approvals') =>
  (...args: string[]) =>
    run([command, ...args], {
      cwd: folder.path,
      env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: token() },
    });
const approvals = as(() => server.adminToken);
const asAnn = as(() => ann);
const groups = as(() => server.adminToken, 'approver-groups');

// One story, told in order: each step stands on the ones before.
it('makes groups, and says of each who it is asked for', async () => {
  expect((await groups('list')).stdout).toBe('no groups: everybody who approves is asked\n');
  const put = await groups(
    ...['put', 'money', '--member', 'Ann', 'Bob', '--kind', 'activation', '--members-only'],
    ...['--remind-after', '10', '--escalate-after', '30', '--escalate-to', 'everybody'],
  );
  expect(put).toMatchObject({ code: 0, stdout: 'money: Ann, Bob, asked for activation\n' });
  const { stdout } = await groups('list');
  expect(stdout).toMatch(
    /^money +Ann, Bob +activation +members only +after 10 min +after 30 min to everybody who approves +0/m,
  );
  const half = await groups('put', 'money', '--member', 'Ann', '--escalate-after', '30');
  expect(half).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--escalate-after and --escalate-to go together'),
  });
});

it('shows who is asked, what was said, and what waits for whom', async () => {
  const rules = [{ id: 'deny-all', agent: '*', action: '*', effect: 'deny', reason: 'for this test only' }];
  await server.call('createBundle', { body: { version: '1.0.0', rules } });
  const asked = await approvals('request', '1.0.0', '--justification', 'first rules');
  expect(asked.stdout).toContain('asked: money\n');
  expect((await approvals('list', '--mine')).stdout).toBe('nothing waits for you\n');
  expect((await asAnn('list', '--mine')).stdout).toMatch(/^1 +activation +pending/m);
  expect((await asAnn('comment', '1', 'who \u202ewrote them?')).stdout).toContain(
    'commented by Ann: who \\u202ewrote them?\n',
  );
  const refused = await approvals('approve', '1');
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('only members of `money` decide it') });
  expect((await asAnn('show', '1')).stdout).toMatch(/^asked +money has to approve$/m);
});

it('makes a link for one person, on standard output alone, and ends it', async () => {
  const made = await asAnn('link', '1', '--expires-in-minutes', '5');
  expect(made.stdout).toMatch(new RegExp(`^${server.url}/approval-link\\?token=[\\w-]{16}\\.[\\w-]{43}\\n$`));
  expect(made.stderr).toMatch(/^for Ann alone, once, until /);
  expect(made.stderr).not.toContain('token=');
  expect((await fetch(made.stdout.trim())).status).toBe(200);
  expect((await asAnn('link', '1', '--for', 'Bob')).code).toBe(3);
  expect((await asAnn('link', '1', '--revoke')).stdout).toBe('revoked 1 link\n');
  expect((await fetch(made.stdout.trim())).status).toBe(410);
  expect((await asAnn('approve', '1')).stdout).toMatch(/^asked +money has approved$/m);
});

it('tells the load', async () => {
  const { stdout } = await approvals('load', '--days', '7');
  expect(stdout).toMatch(/^1 request in 7 days, 0\.1 a day; 0 waiting now; half waited \d+ s or less\n/);
  expect(stdout).toMatch(/^Ann +1 +0$/m);
  expect(
    (
      await run(['approvals', 'load'], {
        cwd: folder.path,
        env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: agent },
      })
    ).code,
  ).toBe(3);
});

it('says what a change would ask of people, by what was recorded', async () => {
  const policy = (effect: string) =>
    JSON.stringify({
      rules: [{ id: 'all', agent: '*', action: '*', effect, reason: 'for this test only', budget: { cost: 1 } }],
    });
  writeFileSync(join(folder.path, 'before.json'), policy('allow'));
  writeFileSync(join(folder.path, 'after.json'), policy('needs_approval'));
  const call = (n: number, rest: object) =>
    `${JSON.stringify({ agent: 'bot', action: 'send', context: { n }, ...rest })}\n`;
  const days = [0, 1, 2].map((day) => call(day, { created_at: `2026-03-0${day + 1}T08:00:00Z` }));
  writeFileSync(join(folder.path, 'timed.jsonl'), days.join(''));
  writeFileSync(join(folder.path, 'untimed.jsonl'), [...days, call(4, {})].join(''));
  const diff = (file: string, ...args: string[]) =>
    run(['diff', 'before.json', 'after.json', '--requests', file, ...args], { cwd: folder.path });
  expect((await diff('timed.jsonl')).stdout).toContain(
    'People: this change adds 1.5 approvals a day (1.5 instead of 0), by 3 requests recorded in 2 days\n',
  );
  expect((await diff('untimed.jsonl')).stdout).toContain('People: 4 of them need approval, 0 before (no times,');
  const { recorded } = JSON.parse((await diff('timed.jsonl', '--json')).stdout);
  expect(recorded).toMatchObject({
    approval_count: { before: 0, after: 3 },
    approvals: { added_per_day: 1.5, days: 2 },
  });
});

it('deletes a group', async () => {
  expect((await groups('delete', 'money')).stdout).toBe('deleted money\n');
  expect((await groups('delete', 'money')).code).toBe(3);
});
