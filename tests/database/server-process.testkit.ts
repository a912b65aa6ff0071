import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../../packages/server/src/database/embedded/processes.js';

const script = fileURLToPath(new URL('./server.child.testkit.ts', import.meta.url));
const running = new Set<ServerProcess>();
const folders: string[] = [];
const dataDirs: string[] = [];

/** A `server.child.testkit.ts` and what it has said. */
export class ServerProcess {
  readonly lines: string[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<unknown>;

  constructor(
    readonly dataDir: string,
    options: { readonly uid?: number } = {},
  ) {
    const args = ['--conditions=source', '--import', 'tsx', script, JSON.stringify({ dataDir, ...options })];
    this.#child = spawn(process.execPath, args);
    this.#exit = once(this.#child, 'exit');
    createInterface(this.#child.stdout).on('line', (line) => this.lines.push(line));
    createInterface(this.#child.stderr).on('line', (line) => this.lines.push(`stderr ${line}`));
    running.add(this);
  }

  tell(command: 'write' | 'count' | 'close'): void {
    this.#child.stdin.write(`${command}\n`);
  }

  /** The rest of the first line, at or after index `from`, that begins with `words`. */
  async hears(words: string, { from = 0, timeoutMs = 25_000 } = {}): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    const find = () => this.lines.slice(from).find((line) => `${line} `.startsWith(`${words} `));
    for (;;) {
      const found = find();
      if (found !== undefined) return found.slice(words.length + 1);
      if (Date.now() > deadline || this.#child.exitCode !== null) {
        // What it said last may still be on its way through the pipe.
        await sleep(50);
        const late = find();
        if (late !== undefined) return late.slice(words.length + 1);
        throw new Error(`never heard \`${words}\`, only:\n${this.lines.slice(-20).join('\n')}`);
      }
      await sleep(5);
    }
  }

  get acknowledged(): string[] {
    return this.lines.filter((line) => line.startsWith('ack ')).map((line) => line.slice(4));
  }

  async acknowledgesMore(rows: number): Promise<void> {
    const wanted = this.acknowledged.length + rows;
    const deadline = Date.now() + 20_000;
    while (this.acknowledged.length < wanted) {
      if (Date.now() > deadline)
        throw new Error(`stuck at ${this.acknowledged.length} rows:\n${this.lines.slice(-5).join('\n')}`);
      await sleep(2);
    }
  }

  async close(): Promise<number> {
    this.tell('close');
    const ms = Number(await this.hears('closed'));
    await this.#exit;
    running.delete(this);
    return ms;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await this.#exit;
    }
    running.delete(this);
  }
}

/** A new folder in the temp directory, or a path of that name in one; removed by `cleanUp`. */
export async function temporaryFolder(name = ''): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'policy-studio-db-'));
  folders.push(folder);
  return name === '' ? folder : join(folder, name);
}

/** The path of a data folder to be made in a new one; `cleanUp` stops its PostgreSQL too. */
export async function dataDirNamed(name: string): Promise<string> {
  const dataDir = await temporaryFolder(name);
  dataDirs.push(dataDir);
  return dataDir;
}

/** The whole data folder of a stopped database under another name: a fifth of the work of making one. */
export function copyDataDir(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', from, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** The pid in `postmaster.pid`, `null` when there is none or that process is gone. */
export async function postmasterOf(dataDir: string): Promise<number | null> {
  const text = await readFile(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  return pid > 0 && isAlive(pid) ? pid : null;
}

export async function cleanUp(): Promise<void> {
  await Promise.all([...running].map((server) => server.kill()));
  for (const dataDir of dataDirs.splice(0)) {
    const pid = await postmasterOf(dataDir);
    if (pid === null) continue;
    process.kill(pid, 'SIGQUIT');
    for (let wait = 0; isAlive(pid) && wait < 500; wait += 1) await sleep(10);
  }
  for (const folder of folders.splice(0))
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
