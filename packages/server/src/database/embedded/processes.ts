import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { errorCode } from '../start-error.js';

const run = promisify(execFile);
const hasProc = process.platform === 'linux';

/** `null` when the process is gone. A zombie has no memory and no locks left, so it counts as gone. */
function procStat(pid: number): { readonly state: string; readonly startTicks: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may contain spaces and parentheses; the fields after the last one are fixed.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [fields[0], fields[19]];
    if (state === undefined || startTicks === undefined || state === 'Z' || state === 'X') return null;
    return { state, startTicks };
  } catch {
    return null;
  }
}

/** True when `pid` runs, whoever owns it. */
export function isAlive(pid: number): boolean {
  if (hasProc && existsSync(`/proc/${pid}`)) return procStat(pid) !== null;
  try {
    // Also where /proc hides the processes of others.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** Names this run of `pid` for as long as the machine is up: a reused pid has another birth. `null` when it is gone. */
export async function birthOf(pid: number): Promise<string | null> {
  if (hasProc) return procStat(pid)?.startTicks ?? null;
  try {
    const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() === '' ? null : stdout.trim().replaceAll(/\W+/g, '_');
  } catch {
    return null;
  }
}

/** Names the set of processes among which a pid means something: this boot, this container. */
export function processSpace(): string {
  if (!hasProc) return 'local';
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 8);
    return `${boot}_${readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')}`;
  } catch {
    return 'local';
  }
}

/** The command line of `pid`, words separated by blanks; empty when it is gone or hidden. Needs no right on the process. */
export async function commandLine(pid: number): Promise<string> {
  if (hasProc) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  }
  try {
    return (await run('ps', ['-o', 'command=', '-p', String(pid)])).stdout;
  } catch {
    return '';
  }
}

/** Pids of the live processes whose command line contains `mark`, this one excepted. */
export async function processesNaming(mark: string): Promise<number[]> {
  const candidates = hasProc
    ? readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    : (await run('ps', ['-axo', 'pid='])).stdout.split('\n').filter((line) => line.trim() !== '');
  const found: number[] = [];
  for (const pid of candidates.map(Number)) {
    if (pid !== process.pid && isAlive(pid) && (await commandLine(pid)).includes(mark)) found.push(pid);
  }
  return found;
}
