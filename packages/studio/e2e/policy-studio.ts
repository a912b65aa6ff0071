import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';
import { PolicyStudioClient } from '@policy-studio/sdk';
import { type Seeded, seedWorkspace } from './seed.js';

const serverMain = fileURLToPath(new URL('../../server/dist/main.js', import.meta.url));
const screenshots = fileURLToPath(new URL('../../../artifacts/screenshots/', import.meta.url));
export const adminToken = 'browser-tests-admin-token-0123456789';

export interface PolicyServer {
  readonly url: string;
  /** Speaks as the admin. */
  readonly client: PolicyStudioClient;
  /** A new key of the role, whose owner is `owner`. */
  key(role: 'viewer' | 'author' | 'approver' | 'operator' | 'admin', owner: string): Promise<string>;
}

export interface ServerFixtures {
  /** A server of this worker's own, empty. */
  server: PolicyServer;
  /** What `server` holds once a test asks for something to look at. */
  seeded: Seeded;
}

interface PageFixtures {
  /** Fails the test for what a page must never do: break its policy, say an error, ask another host. */
  watched: string[];
}

export const test = base.extend<PageFixtures, ServerFixtures>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads what a fixture needs from its pattern
    async ({}, use) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'policy-studio-e2e-'));
      const child = spawn(process.execPath, [serverMain], {
        env: {
          ...process.env,
          DATA_DIR: dataDir,
          HOST: '127.0.0.1',
          PORT: '0',
          ADMIN_TOKEN: adminToken,
          SEED_DEMO: 'false',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const exited = once(child, 'exit');
      try {
        const url = `http://127.0.0.1:${await portOf(child)}`;
        const client = new PolicyStudioClient({ url, token: adminToken, timeoutMs: 30_000 });
        await use({
          url,
          client,
          key: async (role, owner) => (await client.access.createApiKey({ name: `${owner} ${role}`, role, owner })).key,
        });
      } finally {
        child.kill('SIGTERM');
        await exited;
        await rm(dataDir, { recursive: true, force: true });
      }
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  seeded: [
    async ({ server }, use) => {
      await use(await seedWorkspace(server.url, adminToken));
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  watched: [
    async ({ page, server }, use) => {
      const faults: string[] = [];
      watch(page, server.url, faults);
      await use(faults);
      expect(faults, 'what the page did that it must not').toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** The port that the server's own log tells. */
async function portOf({ stdout, stderr, exitCode }: ChildProcess): Promise<number> {
  const said: string[] = [];
  stderr?.on('data', (part) => said.push(String(part)));
  if (stdout === null) throw new Error('the server has no output');
  for await (const line of createInterface(stdout)) {
    said.push(line);
    const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string; port?: number }) : {};
    if (entry.msg === 'started' && entry.port !== undefined) {
      stdout.resume();
      return entry.port;
    }
  }
  throw new Error(`the server ended (${exitCode}):\n${said.slice(-20).join('\n')}`);
}

/** Collects what no page may do. */
export function watch(page: Page, url: string, faults: string[]): void {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const asked = request.url();
    if (!asked.startsWith(`${url}/`) && !/^(data|blob):/.test(asked)) faults.push(`another host: ${asked}`);
  });
}

/** Signs in by the form, as the bootstrap admin or with a key. */
export async function signIn(page: Page, token: string = adminToken, path = '/'): Promise<void> {
  await page.goto(path);
  await page.getByLabel('API key or admin token').fill(token);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeAttached();
}

export const schemes = ['light', 'dark'] as const;

/** What axe finds wrong with the page as it stands, in both schemes; and a picture of each. */
export async function lookAt(
  page: Page,
  name: string,
  options: { readonly widths?: readonly number[] } = {},
): Promise<void> {
  const before = page.viewportSize();
  for (const scheme of schemes) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
      .analyze();
    expect(
      violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`,
      ),
      `${name}, ${scheme}`,
    ).toEqual([]);
    for (const width of options.widths ?? [390, 1280, 1920]) {
      await page.setViewportSize({ width, height: width < 640 ? 844 : 1000 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, `${name} at ${width} px is wider than the window`).toBeLessThanOrEqual(0);
      await page.screenshot({ path: `${screenshots}${name}-${width}-${scheme}.png` });
    }
    if (before) await page.setViewportSize(before);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}
