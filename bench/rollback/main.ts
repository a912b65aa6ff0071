import { setTimeout as sleep } from 'node:timers/promises';
import { figure, median, publish, table } from '../report.js';
import { send } from '../server.js';
import { type Agents, type Answered, sessionOf, startAgents, startProbes } from './agents.js';
import { startServers } from './servers.js';

const serverCount = 3;
const loopsEach = 4;
const targetSeconds = 10;
/** A round that takes longer has failed, and says so. */
const patienceMs = 60_000;
/** Healthy seconds of the candidate before everything it allows fails. */
const scenarios = [
  { title: 'fails at once', healthySeconds: 0, rounds: 4 },
  { title: 'fails after 10 s of health', healthySeconds: 10, rounds: 3 },
] as const;
const sharePct = 10;

const rule = (reason: string) => ({
  id: 'set-aside',
  agent: 'inbox.triage',
  action: 'quarantine',
  effect: 'allow',
  reason,
});

let versions = 0;

async function activate(url: string, canaryPct: number): Promise<number> {
  versions += 1;
  const rules = [rule(`risky mail may be set aside, version ${versions}`)];
  const bundle = await send<{ id: number }>(url, 'POST', '/bundles', { version: `1.${versions}.0`, rules });
  const approval = await send<{ id: number }>(url, 'POST', '/approvals', {
    kind: 'activation',
    bundle_id: bundle.id,
    initial_pct: canaryPct,
    justification: 'The bundles of the benchmark.',
    risk: 'low',
  });
  await send(url, 'POST', `/approvals/${approval.id}/approve`, {});
  await send(url, 'POST', `/bundles/${bundle.id}/activate`, { approval_id: approval.id, canary_pct: canaryPct });
  return bundle.id;
}

interface Round {
  /** From the first failure to the record of the rollback, as the server that answers knows it. */
  readonly decidedSeconds: number;
  /** To the first answer by the bundle before, in a session that was the candidate's, on each server. */
  readonly lastSeconds: readonly number[];
  readonly failures: number;
  readonly perSecond: number;
}

async function round(urls: readonly string[], key: string, agents: Agents, healthySeconds: number): Promise<Round> {
  const [url = ''] = urls;
  const candidate = await activate(url, sharePct);
  const probes = startProbes(urls, key, await sessionOf(url, key, candidate));
  await sleep(healthySeconds * 1000);
  const from = agents.answered.map((one) => one.length);
  const beginMs = performance.now();
  agents.failing = candidate;
  let decidedMs: number | null = null;
  while (decidedMs === null) {
    const { status } = await send<{ status: string }>(url, 'GET', `/bundles/${candidate}`);
    if (status === 'rolled_back') decidedMs = performance.now();
    else if (performance.now() - beginMs > patienceMs) throw new Error(`the candidate is still ${status}`);
    else await sleep(20);
  }
  // Long enough that a server which missed it would show.
  await sleep(3_000);
  const endMs = performance.now();
  const probed = await probes.stop();
  const since = agents.answered.map((one, server) => one.slice(from[server]));
  const byCandidate = since.flat().filter(({ bundle }) => bundle === candidate);
  const firstMs = Math.min(...byCandidate.map(({ atMs }) => atMs));
  agents.failing = null;
  return {
    decidedSeconds: (decidedMs - firstMs) / 1000,
    lastSeconds: probed.map((one) => (clearedAt(one, candidate) - firstMs) / 1000),
    failures: byCandidate.length,
    perSecond: since.flat().length / ((endMs - beginMs) / 1000),
  };
}

/** The first answer of a server after the last one of the candidate. */
function clearedAt(answered: readonly Answered[], candidate: number): number {
  const last = answered.findLastIndex(({ bundle }) => bundle === candidate);
  const next = answered[last + 1];
  if (last < 0 || !next) throw new Error('a server never enforced the candidate, or went on with it');
  return next.atMs;
}

const servers = await startServers(serverCount);
let agents: Agents | null = null;
try {
  const [url = ''] = servers.urls;
  const { key } = await send<{ key: string }>(url, 'POST', '/api-keys', { name: 'bench', role: 'agent' });
  await activate(url, 100);
  agents = startAgents(servers.urls, key, loopsEach);
  await sleep(3_000);
  const rows: string[][] = [];
  let slowest = 0;
  for (const { title, healthySeconds, rounds } of scenarios) {
    const seen: Round[] = [];
    for (let index = 0; index < rounds; index += 1) {
      process.stdout.write(`${title}, round ${index + 1} of ${rounds}\n`);
      seen.push(await round(servers.urls, key, agents, healthySeconds));
    }
    const last = seen.map(({ lastSeconds }) => Math.max(...lastSeconds));
    const spread = seen.map(({ lastSeconds }) => 1000 * (Math.max(...lastSeconds) - Math.min(...lastSeconds)));
    slowest = Math.max(slowest, ...last);
    rows.push([
      title,
      figure(median(last)),
      figure(Math.max(...last)),
      figure(median(seen.map(({ decidedSeconds }) => decidedSeconds))),
      figure(median(spread)),
      figure(median(seen.map(({ failures }) => failures))),
      figure(median(seen.map(({ perSecond }) => perSecond))),
    ]);
  }
  const head = [
    'the candidate',
    'last server, s',
    'worst, s',
    'on record, s',
    'first to last, ms',
    'failures',
    'decisions/s',
  ];
  const verdict = slowest <= targetSeconds ? 'met' : 'NOT met';
  publish(
    'rollback',
    [
      `From the first failure of a candidate at ${sharePct} % to the last of ${serverCount} servers enforcing the previous bundle again; medians.`,
      'Every decision of the candidate fails (outcome `error`) from then on; the load goes on all the time, on every server.',
      '',
      table(head, rows),
      '',
      `Target, worst round: ${targetSeconds} s: ${verdict}.`,
    ].join('\n'),
  );
} finally {
  await agents?.stop().catch((error: unknown) => process.stderr.write(`the load stopped early: ${String(error)}\n`));
  await servers.stop();
}
