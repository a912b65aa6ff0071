import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { Browser, codeIn } from '../access/browser.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

const studio = (...args: string[]) =>
  run(args, {
    cwd: folder.path,
    env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
  });

// One story, told in order.
describe('a person', () => {
  const browser = () => new Browser(server.url);
  let mary: Browser;

  it('is added, and listed', async () => {
    expect((await studio('members', 'list')).stdout).toBe('no members\n');
    const added = await studio('members', 'add', 'Mary', '--role', 'author');
    expect(added).toEqual({ code: 0, stdout: 'added member 1, Mary: author\n', stderr: '' });
    expect((await studio('members', 'list')).stdout).toMatch(/^1 +Mary +person +author +admin /m);
    const twin = await studio('members', 'add', 'MARY', '--role', 'author');
    expect(twin).toMatchObject({ code: 3, stderr: expect.stringContaining('looks the same') });
    expect((await studio('members', 'add', 'Bot', '--role', 'agent')).code).toBe(2);
  });

  it('signs in by a link that stands alone on standard output', async () => {
    const { code, stdout, stderr } = await studio('members', 'link', '1', '--expires-in-minutes', '5');
    expect([code, stderr]).toEqual([0, expect.stringContaining('whoever opens it first')]);
    mary = browser();
    expect((await mary.signIn({ link: codeIn(stdout.trim()) })).status).toBe(200);
    expect((await studio('sessions', 'list')).stdout).toMatch(/^1 +Mary +author +link +127\.0\.0\.1 /m);
  });

  it('is signed out', async () => {
    expect((await studio('sessions', 'end', '1')).stdout).toBe('ended session 1\n');
    expect((await mary.ask('/policy/whoami')).status).toBe(401);
    expect((await studio('sessions', 'end', '1')).code).toBe(3);
    expect((await studio('sessions', 'list')).stdout).toBe('no sessions\n');
  });

  it('gets another role, and is removed', async () => {
    expect((await studio('members', 'role', '1', 'operator')).stdout).toBe('member 1, Mary: operator\n');
    expect((await studio('members', 'role', '1', 'agent')).code).toBe(2);
    expect((await studio('members', 'remove', '1')).stdout).toBe('removed member 1\n');
    expect((await studio('members', 'list')).stdout).toBe('no members\n');
    expect((await studio('members', 'list', '--removed')).stdout).toContain('Mary');
  });
});
