import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deliverDue } from '../../packages/server/src/features/channels/deliver.js';
import { type Receiver, startReceiver } from '../../packages/server/src/features/channels/receiver.testkit.js';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
let receiver: Receiver;
beforeAll(async () => {
  server = await startTestServer({ config: { allowPrivateWebhooks: true } });
  receiver = await startReceiver();
  folder.write('url', `${receiver.url}/secret-path\n`);
});
afterAll(async () => {
  await receiver?.close();
  await server?.close();
});

const channels = (...args: string[]) =>
  run(['channels', ...args], {
    cwd: folder.path,
    env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
  });

// One story, told in order.
it('makes a channel from a file and keeps its secret in another', async () => {
  expect((await channels('list')).stdout).toBe('no channels\n');
  const topics = ['--topics', 'policy-alerts', 'policy-changes'];
  const made = await channels('create', 'ops', '--kind', 'webhook', ...topics, '--url-file', 'url', '-o', 'secret');
  expect(made).toMatchObject({ code: 0, stdout: '' });
  expect(made.stderr).not.toContain('secret-path');
  const path = join(folder.path, 'secret');
  expect(readFileSync(path, 'utf8')).toMatch(/^whsec_\S+\n$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect((await channels('list')).stdout).toMatch(
    /\n1 +ops +webhook +policy-alerts policy-changes +http:\/\/127\.0\.0\.1:\d+ +ok +0 +0 +-\n$/,
  );
});

it('tests it, and says by its exit code whether the message arrived', async () => {
  expect(await channels('test', '1')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^it arrived, after \d+ ms\n$/),
  });
  receiver.behave(500);
  expect(await channels('test', '1')).toMatchObject({ code: 1, stdout: 'it did not arrive: it answered 500\n' });
});

it('shows what was given up and queues it again', async () => {
  receiver.behave(404);
  await server.call('putList', { params: { name: 'vips' }, body: { values: ['a'] } });
  await deliverDue(server.services);
  expect((await channels('deliveries', '1', '--status', 'dead')).stdout).toMatch(
    /list\.created +list\/vips +dead +1 .* it answered 404\n$/,
  );
  expect((await channels('redeliver', '1')).stdout).toBe('1 message queued\n');
  receiver.behave(204);
  await deliverDue(server.services);
  expect((await channels('deliveries', '1')).stdout).toMatch(/list\.created +list\/vips +delivered /);
});

it('switches off, on, and deletes', async () => {
  expect((await channels('disable', '1')).stdout).toBe('disabled channel 1\n');
  expect((await channels('list')).stdout).toMatch(/ off /);
  expect((await channels('enable', '1')).stdout).toBe('enabled channel 1\n');
  expect((await channels('delete', '1')).stdout).toBe('deleted channel 1\n');
  expect(await channels('test', '1')).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/there is no channel 1/),
  });
});
