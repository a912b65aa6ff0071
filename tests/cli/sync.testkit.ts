import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestServer } from '../../packages/server/src/server.testkit.js';
import { type Finished, run } from './cli.testkit.js';

/** What a test reads of a plan. */
export interface Planned {
  readonly commit: string;
  readonly in_step: boolean;
  readonly items: readonly { readonly key: string; readonly state: string; readonly message: string }[];
  readonly in_force: { readonly state: string; readonly message: string; readonly emergencies: readonly string[] };
  readonly lint: { readonly summary: { readonly errors: number } };
  readonly diff: { readonly semantic: { readonly equal: boolean; readonly changes: readonly unknown[] } } | null;
  readonly steps: readonly {
    readonly key: string;
    readonly state: string;
    readonly message: string;
    readonly approval_id: number | null;
  }[];
}

/** A Git repository with a folder `policies` in it, and a server that it is kept in step with. */
export function repository(path: string, server: () => TestServer) {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: path,
      encoding: 'utf8',
    });
  git('init', '--quiet');
  const at = (name: string) => join(path, 'policies', name);
  const sync = (args: readonly string[], token = server().adminToken): Promise<Finished> =>
    run(['sync', ...args], {
      cwd: path,
      env: { POLICY_STUDIO_URL: server().url, POLICY_STUDIO_TOKEN: token, PATH: process.env.PATH ?? '' },
    });
  return {
    git,
    read: (name: string) => readFileSync(at(name), 'utf8'),
    remove: (name: string) => rmSync(at(name)),
    write(name: string, text: string) {
      mkdirSync(dirname(at(name)), { recursive: true });
      writeFileSync(at(name), text);
    },
    /** Answers the commit. */
    commit(message = 'change') {
      git('add', '--all', '.');
      git('commit', '--quiet', '--allow-empty', '--message', message);
      return git('rev-parse', 'HEAD').trim();
    },
    sync,
    async json(command: string, ...args: string[]): Promise<Planned & { readonly code: number | null }> {
      const { code, stdout, stderr } = await sync([command, '--git', 'policies', '--json', ...args]);
      if (stderr !== '') throw new Error(stderr);
      return { code, ...(JSON.parse(stdout) as Planned) };
    },
  };
}

/** The states of a plan's things by their keys; what is the same left out. */
export function statesOf({ items }: Pick<Planned, 'items'>): Record<string, string> {
  return Object.fromEntries(items.filter(({ state }) => state !== 'same').map(({ key, state }) => [key, state]));
}

export function stepsOf({ steps }: Pick<Planned, 'steps'>): Record<string, string> {
  return Object.fromEntries(steps.map(({ key, state }) => [key, state]));
}

export function bundleYaml(version: string, rules: readonly string[], notes = ''): string {
  const head = `# The rules of the mail agents.\nversion: ${version}\n${notes === '' ? '' : `notes: ${notes}\n`}rules:\n`;
  return `${head}${rules.join('')}`;
}

export const denyNew = `  # People look at new domains.
  - id: deny-new-domains
    agent: inbox.triage
    action: quarantine
    effect: deny
    priority: 80
    reason: New domains are looked at by people
    conditions:
      "<domain_seen_days": 30 # days
`;
export const allowVip = `  - id: allow-vip
    agent: inbox.triage
    action: quarantine
    effect: allow
    reason: Senders we know are sorted by the agent
    conditions:
      "sender in": { list: vip_senders }
`;
export const allowRisky = `  - id: allow-risky
    agent: inbox.triage
    action: quarantine
    effect: allow
    priority: 40
    reason: High risk mail is set apart
    conditions:
      ">=risk_score": 85
`;
