// Asks the registry for known vulnerabilities of the packages in package-lock.json. Exit code 1: there are some of the
// severity given (default: moderate) or worse; 2: the registry does not tell.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const levels = ['info', 'low', 'moderate', 'high', 'critical'];
const everything = process.argv.includes('--dev');
const least = levels.indexOf(process.argv.slice(2).find((arg) => !arg.startsWith('--')) ?? 'moderate');
if (least === -1) {
  process.stderr.write(`give one of ${levels.join(', ')}, and --dev for what only developers install\n`);
  process.exit(2);
}

const { stdout, error } = spawnSync('npm', ['audit', '--json', ...(everything ? [] : ['--omit=dev'])], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  encoding: 'utf8',
  timeout: 60_000,
  maxBuffer: 64 * 1024 * 1024,
});
const report = parsed(stdout);
if (error || !report?.vulnerabilities) {
  process.stderr.write(
    `the registry does not tell: ${error?.message ?? report?.message ?? report?.error?.summary ?? 'no answer'}\n`,
  );
  process.exit(2);
}
const found = Object.values(report.vulnerabilities).filter(({ severity }) => levels.indexOf(severity) >= least);
for (const { name, severity, range, via } of found) {
  const why = via
    .map((each) => (typeof each === 'string' ? `through ${each}` : `${each.title} ${each.url}`))
    .join('; ');
  process.stdout.write(`${severity} ${name} ${range}: ${why}\n`);
}
process.stdout.write(
  `${found.length} of ${report.metadata?.dependencies?.total ?? 'all'} packages have known vulnerabilities\n`,
);
process.exitCode = found.length === 0 ? 0 : 1;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
