import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict' });
});
afterAll(() => server.close());

const emergency = (args: readonly string[], token = server.adminToken) =>
  run(['emergency', ...args], { cwd: folder.path, env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: token } });
const ask = async () =>
  (await server.call('evaluate', { body: { agent: 'inbox.triage', action: 'quarantine', context: {} } })).body;

async function activate(version: string, effect: string): Promise<number> {
  const rules = [{ id: 'only-rule', agent: 'inbox.triage', action: 'quarantine', effect, reason: 'as this test says' }];
  const { body: bundle } = await server.call('createBundle', { body: { version, rules } });
  const asked = { kind: 'activation', bundle_id: bundle.id, initial_pct: 100, justification: 'tested', risk: 'low' };
  const { body: approval } = await server.call('createApproval', { body: asked });
  await server.call('approve', { params: { id: approval.id }, body: {} });
  const body = { approval_id: approval.id, canary_pct: 100 };
  expect((await server.call('activateBundle', { params: { id: bundle.id }, body })).status).toBe(200);
  return bundle.id;
}

// One story, told in order: each step stands on the ones before.
it('tells what is in force and where, with nothing but an address and a token', async () => {
  const { code, stdout } = await emergency(['status']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^in force +no bundle: whoever asks is answered deny$/m);
  expect(stdout).toMatch(/^switch +off: the policy decides$/m);
  expect(stdout).toMatch(/^\S+ \* +0 +current +0 s ago +0\.0\.0-test$/m);
});

it('switches policy off and on', async () => {
  const off = await emergency([
    'disable',
    '--effect',
    'allow',
    '--reason',
    'the mail agent is stuck',
    '--minutes',
    '5',
  ]);
  expect(off.code).toBe(0);
  expect(off.stdout).toMatch(
    /^whoever asks is answered `allow` until \S+; what the policy says is recorded\nincident 1\nin force on 1 server\n$/,
  );
  expect((await ask()).effect).toBe('allow');
  const { stdout } = await emergency(['status']);
  expect(stdout).toMatch(/^switch +allow for whoever asks until \S+ \S+ UTC by admin: the mail agent is stuck$/m);
  expect(stdout).toMatch(/^1 +critical +open /m);
  expect((await emergency(['enable'])).stdout).toBe('the policy decides again\nin force on 1 server\n');
  expect((await ask()).effect).toBe('deny');
});

it('says that a second person is needed, and who waits for one', async () => {
  const args = ['disable', '--effect', 'allow', '--reason', 'stuck once more', '--minutes', '5'];
  const refused = await emergency(args);
  expect(refused).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('second_person_needed, 409') });
  expect((await emergency(['status'])).stdout).toMatch(/admin asks for allow: another admin must ask too, until /);
  const other = await server.createKey('admin', { name: 'ben' });
  expect(await emergency(args, other)).toMatchObject({ code: 0 });
  expect(JSON.parse((await emergency(['enable', '--json'])).stdout)).toMatchObject({ pin: null });
});

it('rolls back what was activated last, once', async () => {
  await activate('1.0.0', 'allow');
  await activate('2.0.0', 'deny');
  const guarded = await emergency(['rollback', '--reason', 'it denies too much', '--bundle', '1.0.0']);
  expect(guarded).toMatchObject({ code: 2, stderr: expect.stringContaining('2.0.0 was activated last') });
  expect((await ask()).effect).toBe('deny');
  const done = await emergency(['rollback', '--reason', 'it denies too much', '--bundle', '2.0.0']);
  expect(done.code).toBe(0);
  expect(done.stdout).toMatch(
    /^2\.0\.0 is rolled back; 1\.0\.0 \(id 1\) decides everything\nincident \d+\nin force on 1 server\n$/,
  );
  expect((await ask()).effect).toBe('allow');
  expect((await emergency(['status'])).stdout).toMatch(/^in force +1\.0\.0 \(id 1, digest \w{12}\)$/m);
});

it('pins a bundle that decided everything, and lets go of it', async () => {
  const third = await activate('3.0.0', 'deny');
  const pinned = await emergency(['pin', '1.0.0', '--reason', 'invoices are denied', '--minutes', '30']);
  expect(pinned.code).toBe(0);
  expect(pinned.stdout).toMatch(
    /^bundle 1\.0\.0 decides everything until \S+; nothing is activated or promoted meanwhile\nincident \d+\nin force on 1 server\n$/,
  );
  expect((await ask()).effect).toBe('allow');
  const { stdout } = await emergency(['status']);
  expect(stdout).toMatch(/^in force +3\.0\.0 /m);
  expect(stdout).toMatch(/^pinned +bundle 1\.0\.0 \(id 1\) .* until \S+ \S+ UTC, by admin: invoices are denied$/m);
  expect(stdout).toMatch(/^freeze +the pin: until \S+ \S+ UTC nothing is activated or promoted$/m);
  const back = await emergency(['rollback', '--reason', 'it denies too much']);
  expect(back.stdout).toContain('bundle 1.0.0 (id 1) is pinned and decides everything');
  const refused = await emergency(['pin', String(third), '--reason', 'to try it out']);
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('bundle_not_proven, 409') });
  expect((await emergency(['unpin'])).stdout).toBe(
    'bundle 1.0.0 is pinned no more; the rollouts decide\nin force on 1 server\n',
  );
  expect(JSON.parse((await emergency(['unpin', '--json'])).stdout)).toMatchObject({ bundle_pin: null });
});

it('takes back no second bundle for whoever comes a moment later, unless it is named', async () => {
  const late = await emergency(['rollback', '--reason', 'it denies too much']);
  expect(late).toMatchObject({ code: 2, stdout: '' });
  expect(late.stderr).toMatch(
    /3\.0\.0 was rolled back already, at \S+ \S+ UTC, and 1\.0\.0 decides everything since; nothing was done\. .* --bundle 1\.0\.0/,
  );
  expect((await ask()).effect).toBe('allow');
  const named = await emergency(['rollback', '--reason', 'it allows too much', '--bundle', '1.0.0']);
  expect(named.stdout).toMatch(/^1\.0\.0 is rolled back; the built-in safe bundle is in force/);
});

it.each([
  [['pin', '1.0.0'], /--reason/],
  [['pin', 'newest', '--reason', 'long enough'], /names no bundle/],
  [['pin', '1.0.0', '--reason', 'long enough', '--minutes', '10081'], /0\.1 to 10080/],
  [['disable', '--reason', 'long enough'], /--effect/],
  [['disable', '--effect', 'deny'], /--reason/],
  [['disable', '--effect', 'deny', '--reason', 'long enough', '--minutes', '61'], /0\.1 to 60/],
  [['rollback'], /--reason/],
])('is not misread: %o', async (args, message) => {
  expect(await emergency(args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
});
