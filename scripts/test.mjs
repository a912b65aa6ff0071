// All tests: build, style, types, then every suite. Closes with "N passed, N failed".
// `--full` adds what is too long for every run (FULL=1); other arguments go to vitest. `--browser` runs the tests in a
// browser alone, `--no-browser` all others.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findBrowser } from './browser.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const full = args.includes('--full');
const inBrowser = args.includes('--browser');
const selection = args.filter((arg) => !['--full', '--browser', '--no-browser'].includes(arg));
const browserReport = `${root}.build/e2e.json`;
const report = `${root}.build/vitest.json`;
if (!existsSync(`${root}node_modules/vitest`)) {
  process.stdout.write('the packages are not installed: run `npm install` first\n0 passed, 1 failed\n');
  process.exit(1);
}
mkdirSync(`${root}.build`, { recursive: true });

let passed = 0;
let failed = 0;

function run(title, file, args, env = {}) {
  process.stdout.write(`\n== ${title}\n`);
  const started = Date.now();
  const { status, error } = spawnSync(process.execPath, [file, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error) process.stdout.write(`${title}: ${error.message}\n`);
  process.stdout.write(
    `== ${title}: ${status === 0 ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
  );
  return status === 0;
}

function count(ok) {
  if (ok) passed += 1;
  else failed += 1;
}

/** A module that cannot be loaded and an error outside any test are failures too, not silence. */
function countSuites(ok) {
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    count(false);
    return;
  }
  const skipped = [];
  let broken = 0;
  for (const module of results.testResults) {
    if (module.status === 'failed' && !module.assertionResults.some((test) => test.status === 'failed')) {
      broken += 1;
      process.stdout.write(`could not run ${module.name.slice(root.length)}: ${module.message.split('\n')[0]}\n`);
    }
    for (const test of module.assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') failed += 1;
      else skipped.push(`${module.name.slice(root.length)}: ${test.fullName}`);
    }
  }
  failed += broken;
  if (!ok && results.numFailedTests + broken === 0) failed += 1;
  if (skipped.length > 0) {
    process.stdout.write(`\nSkipped (${skipped.length}); the reason stands in the output above or in the name:\n`);
    for (const name of skipped) process.stdout.write(`  ${name}\n`);
  }
}

/** Journeys through the Studio. One that could not begin, or no browser at all, is a failure as well. */
async function countJourneys() {
  const browser = await findBrowser();
  if (browser === null) return count(false);
  rmSync(browserReport, { force: true });
  const cli = 'node_modules/@playwright/test/cli.js';
  const ok = run('browser', cli, ['test', '-c', 'packages/studio/e2e'], { CHROMIUM: browser });
  let stats;
  try {
    ({ stats } = JSON.parse(readFileSync(browserReport, 'utf8')));
  } catch {
    return count(false);
  }
  passed += stats.expected;
  failed += stats.unexpected + stats.flaky;
  // Skipped behind a failure, cut off by the time limit, or broken outside of any test.
  if (stats.skipped > 0) process.stdout.write(`\nin the browser ${stats.skipped} did not run\n`);
  if (!ok && stats.unexpected + stats.flaky === 0) failed += 1;
}

const started = Date.now();
const built = run('build', 'scripts/build.mjs', []);
count(built);
if (selection.length === 0 && !inBrowser) {
  count(run('style (biome)', 'node_modules/@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']));
  count(run('types of sources and tests (tsc)', 'node_modules/typescript/bin/tsc', ['-p', 'tsconfig.tests.json']));
  count(run('types of the Studio (tsc)', 'node_modules/typescript/bin/tsc', ['-p', 'packages/studio']));
}
if (!inBrowser) {
  rmSync(report, { force: true });
  countSuites(
    run(
      full ? 'suites, full' : 'suites (the long ones run with npm run test:full)',
      'node_modules/vitest/vitest.mjs',
      ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...selection],
      full ? { FULL: '1' } : {},
    ),
  );
}
if (inBrowser || (selection.length === 0 && !args.includes('--no-browser'))) await countJourneys();
process.stdout.write(`\nin ${((Date.now() - started) / 1000).toFixed(0)} s\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
