// `node bench/run.mjs <name> [--record]`: installs what the benchmark compares with on first use, builds what is stale, runs it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const benchmarks = {
  agentdojo: { peers: false, about: 'recorded attacks on tool-using agents, stopped by the example bundles' },
  decide: { peers: true, about: 'one decision in process, against other engines' },
  lint: { peers: true, about: 'lint with full analysis and semantic diff, against narrower checks' },
  analysis: { peers: false, about: 'exact analysis and semantic diff of large bundles' },
  simulate: { peers: false, about: 'simulation of many cases, made-up cases, mutants' },
  rollback: {
    peers: false,
    about: 'from the failure of a candidate to the last of three servers back on the bundle before',
  },
  http: { peers: true, about: 'decisions over HTTP, against bare node:http and Cerbos' },
};

const [name, ...flags] = process.argv.slice(2);
const names = name === 'all' ? Object.keys(benchmarks) : [name];
if (!names.every((one) => Object.hasOwn(benchmarks, one ?? ''))) {
  process.stderr.write(`usage: npm run bench -- <name> [--record]\n\n`);
  for (const [one, { about }] of Object.entries(benchmarks)) process.stderr.write(`  ${one.padEnd(10)} ${about}\n`);
  process.stderr.write(`  ${'all'.padEnd(10)} one after the other\n`);
  process.exit(2);
}

if (names.some((one) => benchmarks[one].peers)) installPeers();
run('building what is stale', [`${root}scripts/build.mjs`]);
for (const one of names) {
  // The built packages are measured, as they are run; only the benchmark itself is TypeScript.
  run(`bench/${one}`, ['--expose-gc', '--import', 'tsx', `${bench}${one}/main.ts`, ...flags]);
}

/** Installs when the lock file asks for something that is not there. */
function installPeers() {
  const { dependencies } = JSON.parse(readFileSync(`${bench}package.json`, 'utf8'));
  const missing = Object.entries(dependencies).filter(([peer, version]) => installedVersion(peer) !== version);
  if (missing.length === 0) return;
  const list = missing.map(([peer, version]) => `${peer} ${version}`).join(', ');
  process.stdout.write(`== installing what is compared with (about 120 MB, in bench/node_modules): ${list}\n`);
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: bench, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function installedVersion(peer) {
  const manifest = `${bench}node_modules/${peer}/package.json`;
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : null;
}

function run(title, args) {
  process.stdout.write(`== ${title}\n`);
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (error) process.stderr.write(`${title}: ${error.message}\n`);
  if (status !== 0) process.exit(status ?? 1);
}
