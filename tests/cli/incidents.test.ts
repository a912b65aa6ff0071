import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const incidents = (...args: string[]) =>
  run(['incidents', ...args], {
    cwd: folder.path,
    env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
  });

// One story, told in order: each step stands on the ones before.
it('opens an incident and says what can be done', async () => {
  expect((await incidents('list')).stdout).toBe('no incidents\n');
  const { code, stdout } = await incidents('open', 'mail\u202e is lost', '--severity', 'high', '--key', 'mail/1');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^incident +1, manual \(mail\/1\)$/m);
  expect(stdout).toMatch(/^summary +mail\\u202e is lost$/m);
  expect(stdout).toMatch(/^can be +acknowledged, mitigated, resolved, commented, assigned$/m);
  expect(stdout).toMatch(/^ {2}\S+ \S+ UTC {2}opened by admin: /m);
});

it('adds to the one of the same key, and keeps what is unrelated from rolling back', async () => {
  const again = await incidents('open', 'more', '--severity', 'critical', '--key', 'mail/1', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ id: 1, severity: 'critical', occurrences: 2, tied_to_policy: true });
  const other = await incidents('open', 'a disk', '--severity', 'low', '--kind', 'disk', '--unrelated', '--json');
  expect(JSON.parse(other.stdout)).toMatchObject({ id: 2, kind: 'disk', tied_to_policy: false });
});

it('takes it through its steps, one word each', async () => {
  const ack = await incidents('ack', '1', '--comment', 'on it');
  expect(ack.stdout).toMatch(/^status +acknowledged$/m);
  expect(ack.stdout).toContain('acknowledged, assigned to admin by admin: on it\n');
  expect((await incidents('assign', '1', 'Mail team')).stdout).toMatch(/^assigned +to Mail team$/m);
  expect((await incidents('assign', '1')).stdout).toMatch(/^assigned +to nobody$/m);
  expect((await incidents('comment', '1', 'seen in Berlin')).stdout).toContain('commented by admin: seen in Berlin\n');
  const early = await incidents('close', '1');
  expect(early).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('incident_status, 409') });
  for (const [step, status] of [
    ['mitigate', 'mitigated'],
    ['resolve', 'resolved'],
    ['close', 'closed'],
  ] as const) {
    expect((await incidents(step, '1')).stdout).toMatch(new RegExp(`^status +${status}$`, 'm'));
  }
});

it('lists what is not resolved, and the rest when asked', async () => {
  const ids = async (...args: string[]) =>
    JSON.parse((await incidents('list', '--json', ...args)).stdout).incidents.map(({ id }: { id: number }) => id);
  expect(await ids()).toEqual([2]);
  expect(await ids('--all')).toEqual([2, 1]);
  expect(await ids('--status', 'closed')).toEqual([1]);
  expect(await ids('--all', '--severity', 'low')).toEqual([2]);
  expect((await incidents('list')).stdout).toMatch(/^2 +low +open +disk +1 .* a disk$/m);
  expect(await incidents('list', '--severity', 'sev1')).toMatchObject({ code: 2, stdout: '' });
});

it('writes the draft of a post-mortem to a file, not over one that is there', async () => {
  const printed = await incidents('post-mortem', '1');
  expect(printed.stdout).toContain('## Timeline\n');
  expect(await incidents('post-mortem', '1', '-o', 'draft.md')).toMatchObject({ code: 0, stdout: '' });
  const kept = readFileSync(join(folder.path, 'draft.md'), 'utf8');
  expect(kept).toMatch(/^# Post-mortem: /);
  expect((await incidents('post-mortem', '2', '-o', 'draft.md')).code).toBe(2);
  expect(readFileSync(join(folder.path, 'draft.md'), 'utf8')).toBe(kept);
  expect((await incidents('post-mortem', '9')).code).toBe(3);
});
