// A Chromium for the tests in a browser: the system's, else the one Playwright keeps, else fetched. Says what it did.
// `import { findBrowser } from './browser.mjs'`: the path of the program, or null and why on standard output.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const system = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
];

/** Whether it starts at all: a browser without its libraries is none. */
function starts(path) {
  return existsSync(path) && spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

async function playwrights() {
  const { chromium } = await import('@playwright/test');
  return chromium.executablePath();
}

export async function findBrowser() {
  const given = process.env.CHROMIUM;
  if (given) {
    process.stdout.write(`browser: ${given}, as CHROMIUM says\n`);
    return given;
  }
  const found = system.find(starts);
  if (found) {
    process.stdout.write(`browser: ${found}, of the system\n`);
    return found;
  }
  const own = await playwrights();
  if (starts(own)) {
    process.stdout.write("browser: Playwright's own\n");
    return own;
  }
  process.stdout.write('browser: none here, asking Playwright for one ...\n');
  const cli = join(root, 'node_modules', '@playwright', 'test', 'cli.js');
  spawnSync(process.execPath, [cli, 'install', 'chromium'], { cwd: root, stdio: 'inherit', timeout: 180_000 });
  if (starts(own)) return own;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    process.stdout.write("browser: Playwright has none for this machine, installing Debian's ...\n");
    const quiet = {
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    };
    spawnSync('apt-get', ['update', '-qq'], quiet);
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], quiet);
  }
  const installed = system.find(starts);
  process.stdout.write(
    installed
      ? `browser: ${installed}, just installed\n`
      : 'browser: none could be had; install Chromium, or name one by CHROMIUM=/path/to/chromium\n',
  );
  return installed ?? null;
}
