/**
 * A server in a process of its own, so that its memory and its stalls can be told from those of the test. Says `{url}`
 * when it listens; asked `{ask: 'health'}` it answers with `Health`, `{ask: 'world'}` with a new `World`; `{ask: 'end'}` ends it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import type { Health } from './fuzzed-server.testkit.js';
import type { World } from './requests.testkit.js';

/**
 * A new workspace with one of each thing that a path may name: requests stop, pause, decide and delete what they find, and
 * set what stands in the way of the next.
 */
async function seed(server: TestServer, round: number): Promise<World> {
  const name = `seeded-${round}`;
  const spare = `spare-${round}`;
  for (const each of [name, spare]) await server.call('createWorkspace', { body: { name: each } });
  const call: TestServer['call'] = async (id, input) => {
    const answer = await server.call(id, { ...input, headers: { 'x-workspace': name } } as typeof input);
    if (answer.status < 400) return answer;
    throw new Error(`${id} in \`${name}\` answered ${answer.status} ${answer.problem.detail}`);
  };
  await call('putSettings', { body: { catalog: 'open' } });
  const rules = [
    { id: 'everything', agent: '*', action: '*', effect: 'allow', reason: 'to have something', conditions: {} },
    {
      id: 'risk',
      agent: 'a.*',
      action: 'c',
      effect: 'needs_approval',
      reason: 'ask',
      conditions: { '>=risk_score': 8 },
    },
  ];
  const draft = async (version: string) => (await call('createBundle', { body: { version, rules } })).body.id;
  const [first, second, third] = [
    await draft(`${round}.0.0`),
    await draft(`${round}.0.1`),
    await draft(`${round}.0.2`),
  ];
  const asked = async (bundle_id: number, initial_pct: number) =>
    (await call('createApproval', { body: { kind: 'activation', bundle_id, initial_pct, justification: name } })).body
      .id;
  const activate = async (id: number, share: number): Promise<void> => {
    const approval_id = await asked(id, share);
    await call('approve', { params: { id: approval_id }, body: {} });
    await call('activateBundle', { params: { id }, body: { approval_id, canary_pct: share } });
  };
  await activate(first, 100);
  await activate(second, 10);
  const [rollout] = (await call('listRollouts')).body.rollouts;
  await call('putList', { params: { name: 'seeded' }, body: { values: ['a'] } });
  await call('putApproverGroup', { params: { name: 'seeded' }, body: { members: ['Ann'] } });
  await call('putCatalogAgent', { params: { agent: 'seeded' }, body: {} });
  await call('putCatalogAction', { params: { action: 'seeded' }, body: {} });
  const incident = await call('createIncident', { body: { severity: 'low', summary: name } });
  const channel = await call('createChannel', {
    body: { name, kind: 'webhook', url: 'https://hooks.invalid/x', topics: ['audit'] },
  });
  const member = await call('createMember', { body: { name, role: 'viewer' } });
  const apiKey = await call('createApiKey', { body: { name, role: 'viewer' } });
  const freeze = await call('createFreezeWindow', {
    body: { name, rule: { type: 'daily', days: ['monday'], from: '00:00', to: '00:01' }, enabled: false },
  });
  const job = await call('simulate', { body: { rules, background: true } });
  const decision = await call('evaluate', { body: { agent: 'a.b', action: 'c', context: {} } });
  const public_key = Buffer.alloc(32, round + 7).toString('base64');
  const trusted = await call('addTrustedKey', { body: { name, public_key } });
  const signed = (await call('exportBundle', { params: { id: first } })).body;
  const session = await call('signIn', { token: null, body: { token: server.adminToken } });
  return {
    headers: { authorization: `Bearer ${server.adminToken}`, 'x-workspace': name },
    browser: {
      cookie: session.headers.get('set-cookie')?.split(';')[0] ?? '',
      'x-csrf-token': session.body.csrf_token,
      'sec-fetch-site': 'same-origin',
    },
    ids: {
      bundles: third,
      approvals: await asked(third, 100),
      rollouts: rollout?.id ?? 0,
      incidents: incident.body.id,
      'freeze-windows': freeze.body.id,
      decisions: decision.body.decision_id,
      jobs: 'progress' in job.body ? job.body.id : 0,
      channels: channel.body.id,
      'api-keys': apiKey.body.id,
      members: member.body.id,
      sessions: session.body.id + 1,
      'trusted-keys': trusted.body.id,
      workspaces: spare,
    },
    bodies: {
      importBundle: { ...signed, import_as_version: `${round}.1.0` },
      verifyBundle: signed,
      createChannel: { name: `another-${round}`, kind: 'webhook', url: 'https://hooks.invalid/y', topics: ['audit'] },
      updateChannel: { name: `changed-${round}` },
      signIn: { token: server.adminToken },
      putSettings: { dwell_hours: round, steps: [10, 50, 100] },
      pinBundle: { bundle_id: first, reason: 'seeded for the fuzzer' },
      addTrustedKey: { name: `another-${round}`, public_key: Buffer.alloc(32, round + 77).toString('base64') },
    },
  };
}

const server = await startTestServer({ log: pino({ level: 'warn' }, process.stdout) });
let rounds = 0;
const delay = monitorEventLoopDelay({ resolution: 20 });
delay.enable();

function health(): Health {
  globalThis.gc?.();
  const { heapUsed, rss, external } = process.memoryUsage();
  const answer = { heapBytes: heapUsed + external, rssBytes: rss, stalledMs: delay.max / 1e6 };
  delay.reset();
  return answer;
}

process.on('message', ({ ask }: { ask: 'health' | 'world' | 'end' }) => {
  if (ask === 'health') process.send?.(health());
  else if (ask === 'world') {
    rounds += 1;
    void seed(server, rounds).then((world) => process.send?.(world));
  } else void server.close().then(() => process.disconnect());
});
process.send?.({ url: server.url });
