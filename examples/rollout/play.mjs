// Plays two rollouts against a running server: a good bundle that reaches everybody by itself, and a bad one that is
// rolled back. Simulated agents ask over HTTP all the time; a Slack-shaped receiver runs in this process. See README.md.
//
//   node examples/rollout/play.mjs [--url http://127.0.0.1:8080] [--token TOKEN] [--dwell-seconds 5]
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bundles, request } from './bundles.mjs';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    token: { type: 'string' },
    'dwell-seconds': { type: 'string', default: '5' },
  },
});
const base = values.url.replace(/\/+$/, '');
const admin = values.token ?? process.env.ADMIN_TOKEN ?? keptToken();
const dwellHours = Number(values['dwell-seconds']) / 3600;
/** Nothing here takes longer on a machine that can run the server at all. */
const patienceMs = 180_000;
const startedMs = performance.now();

function keptToken() {
  try {
    return readFileSync(`${process.env.DATA_DIR ?? 'data'}/admin-token`, 'utf8').trim();
  } catch {
    throw new Error('give the admin token with --token or ADMIN_TOKEN');
  }
}

function say(text) {
  process.stdout.write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
}

async function call(method, path, token, body, attempt = 1) {
  const response = await fetch(`${base}/policy${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const answer = response.status === 204 ? null : await response.json();
  // What only reads is asked again by anybody who meets a busy server.
  if (response.status === 503 && method === 'GET' && attempt < 10) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return call(method, path, token, body, attempt + 1);
  }
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.code}: ${answer.detail}`);
  return answer;
}

/** An incoming webhook as Slack's: takes JSON, answers `ok`. */
async function startSlack() {
  const messages = [];
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    messages.push(JSON.parse(text));
    response.end('ok');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Does not keep the process when something else failed.
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}/services/T0/B0/x`, messages, close: () => server.close() };
}

/** What a person reads in the channel, line by line. */
function wordsOf({ blocks }) {
  const texts = blocks.flatMap(({ text, fields = [], elements = [] }) => [text, ...fields, ...elements]);
  return texts.flatMap((part) => (typeof part?.text === 'string' ? part.text.split('\n') : []));
}

/** Agents in many sessions, about 500 questions a second, until stopped. */
function startAgents(token) {
  const seen = { decisions: 0, canary: 0 };
  let running = true;
  const one = async (seed) => {
    for (let turn = 0; running; turn += 1) {
      const requests = Array.from({ length: 50 }, (_, place) => request(seed + 7 * turn, place));
      const { decisions } = await call('POST', '/evaluate/batch', token, { requests });
      seen.decisions += decisions.length;
      seen.canary += decisions.filter(({ arm }) => arm === 'canary').length;
      await sleep(200);
    }
  };
  const work = Promise.all([one(1), one(100_003)]);
  work.catch(() => undefined);
  return {
    seen,
    async stop() {
      running = false;
      await work;
    },
  };
}

async function activate(people, version, rules, canaryPct) {
  const { id } = await call('POST', '/bundles', people.author, { version, rules });
  const approval = await call('POST', '/approvals', people.operator, {
    kind: 'activation',
    bundle_id: id,
    initial_pct: canaryPct,
    justification: 'Shown in the example of a rollout.',
    risk: 'low',
  });
  await call('POST', `/approvals/${approval.id}/approve`, people.approver, {});
  await call('POST', `/bundles/${id}/activate`, people.operator, {
    approval_id: approval.id,
    canary_pct: canaryPct,
    dwell_hours: dwellHours,
  });
  return id;
}

/** Prints every change of a bundle's rollout until it is in one of these phases; returns it then. */
async function watch(bundleId, token, phases) {
  const deadline = performance.now() + patienceMs;
  let before = '';
  for (;;) {
    const [{ id }] = (await call('GET', `/rollouts?bundle_id=${bundleId}`, token)).rollouts;
    const rollout = await call('GET', `/rollouts/${id}`, token);
    const { version, phase, share_pct: share, holds, gates } = rollout;
    const told = `${version} ${phase} at ${share} %${holds.length > 0 ? `, held: ${holds.join(', ')}` : ''}`;
    if (told !== before) {
      say(told);
      before = told;
    }
    if (phases.includes(phase)) return rollout;
    if (performance.now() > deadline || !['shadow', 'canary', 'baking'].includes(phase)) {
      const open = gates.filter(({ verdict }) => verdict !== 'pass').map(({ sentence }) => `\n  ${sentence}`);
      throw new Error(`${told}, and was expected to get to ${phases.join(' or ')}${open.join('')}`);
    }
    await sleep(250);
  }
}

async function eventually(what, find) {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come`);
    await sleep(200);
  }
}

/** Keys of people and agents, all taken back at the end. */
async function hire() {
  const made = [];
  const people = {};
  for (const role of ['author', 'operator', 'approver', 'agent', 'viewer']) {
    const body = { name: `rollout example ${role}`, role, owner: `example-${role}` };
    const { id, key } = await call('POST', '/api-keys', admin, body);
    made.push(id);
    people[role] = key;
  }
  const dismiss = async () => {
    for (const id of made) await call('DELETE', `/api-keys/${id}`, admin);
  };
  return { people, dismiss };
}

async function play() {
  const major = Math.floor(Date.now() / 1000);
  const slack = await startSlack();
  const { people, dismiss } = await hire();
  const channel = await call('POST', '/channels', admin, {
    name: `rollout example ${major}`,
    kind: 'slack',
    topics: ['policy-alerts', 'incidents'],
    url: slack.url,
  });
  const agents = startAgents(people.agent);
  try {
    const first = await activate(people, `${major}.0.0`, bundles.first, 100);
    await watch(first, people.viewer, ['baking', 'completed']);

    say('a good bundle: asks for a little more certainty');
    const good = await activate(people, `${major}.1.0`, bundles.good, 10);
    await watch(good, people.viewer, ['baking', 'completed']);
    say('it decides everything, and nobody had to do anything');

    say('a bad bundle: 95 where 59 was meant');
    const bad = await activate(people, `${major}.2.0`, bundles.bad, 10);
    const { end_reason: reason, id: rolloutId } = await watch(bad, people.viewer, ['rolled_back']);
    say(`because ${reason}`);
    const incident = await eventually('the incident', async () => {
      const { incidents } = await call('GET', '/incidents', people.viewer);
      return incidents.find(({ key }) => key === `rollout/${rolloutId}`);
    });
    say(`incident ${incident.id}, ${incident.severity}: ${incident.summary}`);
    const message = await eventually('the Slack message', () =>
      slack.messages.find(({ text, blocks }) => Array.isArray(blocks) && /rolled back/i.test(text)),
    );
    say('Slack heard:');
    for (const line of wordsOf(message)) process.stdout.write(`            ${line}\n`);
    const active = await call('GET', '/bundles/active', people.viewer);
    if (active.id !== good) throw new Error(`${active.version} is in force, not the good bundle`);
    say(`in force: ${active.version}, the good one, for everybody`);
    say(`${agents.seen.decisions} decisions, ${agents.seen.canary} of them by a bundle on trial`);
  } finally {
    await agents.stop().catch((error) => say(`the agents stopped early: ${error.message}`));
    await call('DELETE', `/channels/${channel.id}`, admin);
    await dismiss();
    slack.close();
  }
}

try {
  await play();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
