import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchRequest } from '../decide/workload.js';
import { benchRoot } from '../report.js';
import { answersAt, ended, freePort, launch, send, startServer } from '../server.js';
import { cerbosBody, cerbosPolicies, policyStudioRules } from './questions.js';

/** A running server that answers the questions of this benchmark. */
export interface Target {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  url(batch: boolean): string;
  body(asked: readonly BenchRequest[], batch: boolean): string;
  /** `allow` or `deny` for each question, from an answer. */
  effects(answer: unknown, batch: boolean): string[];
  readonly pid: number;
  /** The processes of its database; none for a server without one. */
  databasePids(): number[];
  stop(): Promise<void>;
}

/** The built server on an empty folder, with the rules approved and in force, asked with an agent's key. */
export async function startPolicyStudio(decisionLog: 'durable' | 'async'): Promise<Target> {
  const dataDir = await mkdtemp(join(tmpdir(), 'policy-studio-bench-'));
  const { child, url: base } = await startServer(dataDir, { DECISION_LOG: decisionLog });
  const key = await activateRules(base);
  return {
    name: `Policy Studio, ${decisionLog} log`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    url: (batch) => `${base}/policy/evaluate${batch ? '/batch' : ''}`,
    body: (asked, batch) => JSON.stringify(batch ? { requests: asked } : asked[0]),
    effects: (answer, batch) => decisionsIn(answer, batch).map(({ effect }) => effect),
    pid: child.pid!,
    databasePids: () => processTree(join(dataDir, 'postgres', 'cluster', 'postmaster.pid')),
    stop: async () => {
      await ended(child);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function activateRules(base: string): Promise<string> {
  const ask = (method: string, path: string, body: object) => send<Record<string, unknown>>(base, method, path, body);
  const post = (path: string, body: object) => ask('POST', path, body);
  const rules = policyStudioRules();
  // As in use: rules name what the catalog knows.
  for (const agent of new Set(rules.map((rule) => rule.agent))) await ask('PUT', `/catalog/agents/${agent}`, {});
  for (const action of new Set(rules.map((rule) => rule.action))) await ask('PUT', `/catalog/actions/${action}`, {});
  const bundle = await post('/bundles', { version: '1.0.0', rules });
  const approval = await post('/approvals', {
    kind: 'activation',
    bundle_id: bundle.id,
    initial_pct: 100,
    justification: 'The rules of the benchmark.',
    risk: 'low',
  });
  await post(`/approvals/${approval.id}/approve`, {});
  await post(`/bundles/${bundle.id}/activate`, { approval_id: approval.id, canary_pct: 100 });
  const { key } = await post('/api-keys', { name: 'bench', role: 'agent' });
  return String(key);
}

/** node:http alone, answering `sample` with the agent and action put in. */
export async function startBare(sample: unknown): Promise<Target> {
  const child = launch(
    process.execPath,
    [join(benchRoot, 'http', 'bare.mjs'), JSON.stringify(sample)],
    process.env,
    true,
  );
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim()));
    child.once('exit', (code) => reject(new Error(`bare.mjs ended with ${code}`)));
  });
  return {
    name: 'bare node:http',
    headers: { 'content-type': 'application/json' },
    url: () => `http://127.0.0.1:${port}/`,
    body: (asked, batch) => JSON.stringify(batch ? { requests: asked } : asked[0]),
    effects: () => [],
    pid: child.pid!,
    databasePids: () => [],
    stop: () => ended(child),
  };
}

/** The Cerbos server of the npm package, with equal policies on disk and no decision log; null where it has no binary. */
export async function startCerbos(): Promise<Target | null> {
  const name = `cerbos-${process.platform}-${process.arch}`;
  const binary = join(benchRoot, 'node_modules', '@cerbos', name, name);
  if (!existsSync(binary)) return null;
  const folder = await mkdtemp(join(tmpdir(), 'cerbos-bench-'));
  const policies = join(folder, 'policies');
  await mkdir(policies);
  for (const [file, text] of cerbosPolicies()) await writeFile(join(policies, file), text);
  const port = await freePort();
  const config = {
    server: {
      httpListenAddr: `127.0.0.1:${port}`,
      grpcListenAddr: `127.0.0.1:${await freePort()}`,
      requestLimits: { maxActionsPerResource: 50, maxResourcesPerRequest: 100 },
    },
    storage: { driver: 'disk', disk: { directory: policies } },
    telemetry: { disabled: true },
  };
  const configFile = join(folder, 'config.json');
  await writeFile(configFile, JSON.stringify(config));
  const child = launch(binary, ['server', `--config=${configFile}`, '--log-level=error'], process.env);
  const base = `http://127.0.0.1:${port}`;
  await answersAt(`${base}/_cerbos/health`, child);
  return {
    name: 'Cerbos 0.51, no log',
    headers: { 'content-type': 'application/json' },
    url: () => `${base}/api/check/resources`,
    body: (asked) => cerbosBody(asked),
    effects: (answer) => {
      const { results } = answer as { results: { actions: Record<string, string> }[] };
      return results.map(({ actions }) => (Object.values(actions)[0] === 'EFFECT_ALLOW' ? 'allow' : 'deny'));
    },
    pid: child.pid!,
    databasePids: () => [],
    stop: async () => {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function decisionsIn(answer: unknown, batch: boolean): { effect: string }[] {
  return batch ? (answer as { decisions: { effect: string }[] }).decisions : [answer as { effect: string }];
}

/** The process named in the first line of a pid file and its children; none where there is no /proc. */
function processTree(pidFile: string): number[] {
  if (!existsSync(pidFile) || !existsSync('/proc/self/stat')) return [];
  const root = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  const children = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => parentOf(pid) === root);
  return [root, ...children];
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}
