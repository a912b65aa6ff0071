import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const benchRoot = dirname(fileURLToPath(import.meta.url));
export const repositoryRoot = dirname(benchRoot);

/** A table as Markdown, padded so that it reads well on a terminal too. The first column is flush left, the others right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (column === 0 ? (cells[column] ?? '').padEnd(width) : (cells[column] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Three digits that mean something: `0.213`, `4.72`, `138`, `12,300`; `-` where there is no figure. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  if (value >= 1_000) return Math.round(Number(value.toPrecision(3))).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3);
}

/** What the figures were taken on. Benchmarks on other machines compare by their ratios, not by their times. */
export function machine(): string {
  const [first] = cpus();
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} cores (${first?.model.trim() ?? 'unknown'}), ${memoryGb} GB, ${process.platform}, Node ${process.version}`;
}

/** The load others put on the machine: figures taken above about 0.5 are disturbed. */
const [loadAtStart = 0] = loadavg();

/** Prints a benchmark's report; with `--record` writes it to `recorded/<name>.md` too, with the date and the machine. */
export function publish(name: string, report: string): void {
  process.stdout.write(`\n${report}\n`);
  if (!process.argv.includes('--record')) return;
  const date = new Date().toISOString().slice(0, 10);
  const path = join(benchRoot, 'recorded', `${name}.md`);
  mkdirSync(dirname(path), { recursive: true });
  const command = `npm run bench -- ${name} --record`;

  writeFileSync(
    path,
    `# ${name}\n\nTaken on ${date} by \`${command}\`\non ${machine()}, load average before it ${loadAtStart.toFixed(1)}.\n\n${report}\n`,
  );
  process.stdout.write(`\nrecorded in bench/recorded/${name}.md\n`);
}

/** The CPU time of a process so far, its threads included, in seconds; null when it is gone or where there is no /proc. */
export function cpuSeconds(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold spaces; utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return null;
  }
}
