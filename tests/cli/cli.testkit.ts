import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { type Printer, styleFor, type Terminal } from '../../packages/cli/src/output.js';
import { runCommandLine } from '../../packages/cli/src/program.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = join(root, 'packages/cli/src/main.ts');
const loader = ['--conditions=source', '--import', import.meta.resolve('tsx'), main];

const { version } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as { version: string };

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a command line to its end, in this process: all of the command but main.ts, which ties it to a process. `launch`
 * runs that too, at ten times the cost.
 */
export async function run(args: readonly string[], { cwd, input = '', env = {} }: RunOptions = {}): Promise<Finished> {
  const out: string[] = [];
  const err: string[] = [];
  const printer = (texts: string[]): Printer => ({
    write: (text) => void texts.push(text),
    isTerminal: false,
    columns: 100,
    style: styleFor(false, env),
  });
  const terminal: Terminal = {
    stdin: Readable.from([Buffer.from(input)]),
    env,
    out: printer(out),
    err: printer(err),
    now: () => performance.now(),
  };
  const home = process.cwd();
  process.chdir(cwd ?? root);
  try {
    const code = await runCommandLine(args, terminal, version);
    return { code, stdout: out.join(''), stderr: err.join('') };
  } finally {
    process.chdir(home);
  }
}

/** The command as a process of its own, in an environment without settings of whoever runs the tests. */
export function start(args: readonly string[], { cwd, env }: RunOptions = {}): ChildProcess {
  const { PATH = '', HOME = '', TMPDIR } = process.env;
  return spawn(process.execPath, [...loader, ...args], {
    cwd: cwd ?? root,
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs the command to its end, as a process of its own. */
export async function launch(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = start(args, options);
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  return finished(child);
}

export async function finished(child: ChildProcess): Promise<Finished> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') };
}

/** A folder of its own for a test file, removed after it. */
export function workFolder(): { path: string; write(name: string, content: string | Buffer): string } {
  const path = mkdtempSync(join(tmpdir(), 'policy-studio-cli-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    write: (name, content) => {
      writeFileSync(join(path, name), content);
      return name;
    },
  };
}

export const rulesYaml = `# What the assistant may do with mail.
version: 1.0.0
notes: First rules
rules:
  - id: deny-new-domains
    agent: inbox.*
    action: quarantine
    effect: deny
    priority: 80
    reason: New domains are looked at by people
    conditions:
      domain_seen_days <: 30
      confidence: ">0.5"
  - id: ask-before-escalating
    agent: inbox.triage
    action: escalate
    effect: needs_approval
    reason: Escalations reach people at night
    budget: { cost: 2 }
  - id: allow-risky
    agent: inbox.triage
    action: quarantine
    effect: allow
    reason: High risk mail is set apart
    conditions:
      ">=risk_score": 85
`.replace('domain_seen_days <:', '"domain_seen_days <":');

export const request = {
  agent: 'inbox.triage',
  action: 'quarantine',
  context: { risk_score: 95, domain_seen_days: 5, confidence: 0.98 },
};
