import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from '@playwright/test';
import type { ServerFixtures } from './policy-studio.js';

const artifacts = fileURLToPath(new URL('../../../artifacts/', import.meta.url));
const systemBrowser = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

/** The Studio in a real browser against the real server; each worker has a server and a data folder of its own. */
export default defineConfig<object, ServerFixtures>({
  testDir: '.',
  testMatch: '*.spec.ts',
  outputDir: `${artifacts}browser`,
  // Each worker is a browser and a server with its database: more than two cores can carry.
  workers: process.env.CI ? 2 : 1,
  fullyParallel: false,
  forbidOnly: true,
  timeout: 45_000,
  globalTimeout: 4 * 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['json', { outputFile: fileURLToPath(new URL('../../../.build/e2e.json', import.meta.url)) }]],
  use: {
    trace: 'retain-on-failure',
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    timezoneId: 'Europe/Vienna',
    launchOptions: {
      ...(systemBrowser === undefined ? {} : { executablePath: systemBrowser }),
      args: [
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ],
    },
  },
});
