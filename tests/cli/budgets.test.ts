import { afterAll, beforeAll, expect, it } from 'vitest';
import { putInForce } from '../../packages/server/src/features/decisions/in-force.testkit.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await putInForce(server, {
    rules: [{ id: 'pay', agent: '*', action: 'pay', effect: 'allow', reason: 'paid', budget: { cost: 1.5 } }],
  });
});
afterAll(() => server?.close());

const cli = (...args: string[]) =>
  run(args, {
    cwd: folder.path,
    env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
  });
const pay = async (agent: string, session: string) =>
  (await server.call('evaluate', { body: { agent, action: 'pay', context: {}, session } })).body.effect;

// One story, told in order: each step stands on the ones before.
it('says how a cap is set where there is none, and that way works', async () => {
  const { code, stdout } = await cli('budgets');
  expect(code).toBe(0);
  const [, command = '', caps = ''] =
    /^no caps; policy-studio (settings set) '(caps=.*)' sets one\n$/.exec(stdout) ?? [];
  expect((await cli(...command.split(' '), caps)).code).toBe(0);
  expect((await cli('budgets')).stdout).toMatch(/^agent \* {2}nobody yet$/m);
});

it('shows what is used of each cap, and what is left', async () => {
  const caps = [
    { scope: 'workspace', spend: 4 },
    { scope: 'agent', agent: 'inbox.*', spend: 3, calls: 1000 },
    { scope: 'session', calls: 2 },
  ];
  const set = await cli('settings', 'set', `caps=${JSON.stringify(caps)}`);
  expect(set).toMatchObject({ code: 0 });
  expect([await pay('inbox.sort', 'mon\u202eday'), await pay('inbox.sort', 'b'), await pay('inbox.sort', 'b')]).toEqual(
    ['allow', 'allow', 'deny'],
  );
  const { stdout } = await cli('budgets');
  const lines = stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '));
  const day = '\\d{4}-\\d\\d-\\d\\d 00:00 UTC';
  const since = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC';
  for (const expected of [
    `^workspace  everybody  3 USD  4 USD  75\\.0 %  1 USD  3 USD  ${day}  ${since}$`,
    `^agent inbox\\.\\*  inbox\\.sort  3 USD  3 USD  100\\.0 %  none  3 USD  ${day}  -$`,
    `^agent inbox\\.\\*  inbox\\.sort  2 calls  1,000 calls  0\\.2 %  998 calls  ${day}  -$`,
    '^session  b  1 call  2 calls  50\\.0 %  1 call  never  -$',
    '^session  mon\\\\u202eday  1 call  2 calls  50\\.0 %  1 call  never  -$',
  ]) {
    expect(
      lines.some((line) => new RegExp(expected).test(line)),
      `${expected}\n${stdout}`,
    ).toBe(true);
  }
  expect((await cli('budgets', '--limit', '1')).stdout).toContain('session: 1 more; --limit shows them\n');
  const one = JSON.parse((await cli('budgets', '--session', 'b', '--agent', 'inbox.other', '--json')).stdout);
  expect(
    one.caps.map(({ accounts }: { accounts: { subject: string }[] }) => accounts.map(({ subject }) => subject)),
  ).toEqual([[null], ['inbox.other'], ['b']]);
});

it('refuses caps that cannot be, and says what is wrong with them', async () => {
  const { code, stderr } = await cli('settings', 'set', 'caps=[{"scope":"workspace","agent":"a","calls":1}]');
  expect(code).toBe(3);
  expect(stderr).toContain('is for the scope `agent` alone; leave it out');
});
