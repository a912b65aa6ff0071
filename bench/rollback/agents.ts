import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../server.js';

/** When a server answered, and by which bundle. */
export interface Answered {
  readonly atMs: number;
  readonly bundle: number | null;
}

export interface Agents {
  /** For each server, in the order of the answers. */
  readonly answered: readonly (readonly Answered[])[];
  /** From now on whatever this bundle allows goes wrong. null: nothing does. */
  failing: number | null;
  stop(): Promise<void>;
}

interface Decided {
  readonly decision_id: string;
  readonly bundle: { readonly id: number } | null;
}

const question = {
  agent: 'inbox.triage',
  action: 'quarantine',
  context: { risk_score: 95, domain_seen_days: 5, category: 'phishing' },
};

function ask(url: string, key: string, session: string): Promise<Decided> {
  return send(url, 'POST', '/evaluate', { ...question, session }, key);
}

/** A session whose questions this bundle decides, on whatever server. */
export async function sessionOf(url: string, key: string, bundle: number): Promise<string> {
  for (let tried = 0; tried < 1_000; tried += 1) {
    const session = `probe-${bundle}-${tried}`;
    if ((await ask(url, key, session)).bundle?.id === bundle) return session;
  }
  throw new Error(`no session in a thousand is decided by bundle ${bundle}`);
}

/** Asks every server in this session every 20 ms, until told to stop; what they answered, server by server. */
export function startProbes(
  urls: readonly string[],
  key: string,
  session: string,
): { stop(): Promise<readonly (readonly Answered[])[]> } {
  let running = true;
  const probe = async (url: string): Promise<Answered[]> => {
    const answered: Answered[] = [];
    while (running) {
      const { bundle } = await ask(url, key, session);
      answered.push({ atMs: performance.now(), bundle: bundle?.id ?? null });
      await sleep(20);
    }
    return answered;
  };
  const work = Promise.all(urls.map(probe));
  work.catch(() => undefined);
  return {
    stop() {
      running = false;
      return work;
    },
  };
}

/** Agents in sessions of their own on every server: they ask, act, and report how it went. */
export function startAgents(urls: readonly string[], key: string, loopsEach: number): Agents {
  const answered = urls.map((): Answered[] => []);
  let running = true;
  let failing: number | null = null;
  const loop = async (server: number, name: number): Promise<void> => {
    const url = urls[server] as string;
    for (let turn = 0; running; turn += 1) {
      const decided = await ask(url, key, `${server}-${name}-${turn}`);
      const bundle = decided.bundle?.id ?? null;
      answered[server]?.push({ atMs: performance.now(), bundle });
      const status = bundle !== null && bundle === failing ? 'error' : 'success';
      await send(url, 'POST', `/decisions/${decided.decision_id}/outcome`, { status }, key);
    }
  };
  const work = Promise.all(
    urls.flatMap((_, server) => Array.from({ length: loopsEach }, (_, name) => loop(server, name))),
  );
  work.catch(() => undefined);
  return {
    answered,
    get failing() {
      return failing;
    },
    set failing(bundle) {
      failing = bundle;
    },
    async stop() {
      running = false;
      await work;
    },
  };
}
