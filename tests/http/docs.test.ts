import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allOperations, openApiDocument, problemCodes } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

const get = (path: string, headers: Record<string, string> = {}) => fetch(server.url + path, { headers });
const pages = ['/docs', '/docs/problems'];
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

describe('the documents', () => {
  it('are the OpenAPI document, under the version of the server', async () => {
    const response = await get('/openapi.json');
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual(openApiDocument(allOperations, '0.0.0-test'));
  });

  it('are the JSON Schema of a rule', async () => {
    const source = new URL('../../packages/engine/schema/rule.schema.json', import.meta.url);
    expect(await (await get('/schema/rule.schema.json')).json()).toEqual(JSON.parse(readFileSync(source, 'utf8')));
  });

  it('are a list of every problem code, where the type of a problem leads', async () => {
    const problem = await (await get('/policy/whoami')).json();
    const [path, code] = problem.type.split('#');
    const page = await (await get(path)).text();
    expect(page).toContain(`id="${code}"`);
    for (const known of Object.keys(problemCodes)) expect(page).toContain(`id="${known}"`);
  });

  it('need not be sent twice', async () => {
    const first = await get('/docs/reference.js');
    const etag = first.headers.get('etag') as string;
    await first.arrayBuffer();
    expect((await get('/docs/reference.js', { 'if-none-match': etag })).status).toBe(304);
  });
});

describe.each(pages)('the page %s', (path) => {
  it('refers to nothing but this server, and its policy allows nothing else', async () => {
    const response = await get(path);
    const page = await response.text();
    for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g)) {
      expect(address).toMatch(/^(?!\/\/)(?![a-z]+:(?!,))/);
      if (address === 'data:,' || address?.startsWith('#')) continue;
      expect((await get(new URL(address as string, `http://x${path}`).pathname)).status, address).toBe(200);
    }
    expect(page).not.toMatch(/<script(?! src=)|<style|\son\w+=/);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe/);
  });

  it.skipIf(!chromium)('breaks no policy and asks no other host in a browser', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'policy-studio-browser-'));
    try {
      const { dom, console: said } = await browse(server.url + path, folder);
      expect(dom).toContain('Policy Studio');
      if (path === '/docs') expect(dom).toContain('/policy/bundles/{id}/activate');
      expect(said).not.toMatch(/Content Security Policy|Refused to|Uncaught/);
      const asked = requestsOf(join(folder, 'net.json'), server.url);
      expect(asked.length).toBeGreaterThan(1);
      expect(asked.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith('data:'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function browse(url: string, folder: string): Promise<{ dom: string; console: string }> {
  const options = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--user-data-dir=${folder}`,
    `--log-net-log=${join(folder, 'net.json')}`,
    '--enable-logging=stderr',
    '--virtual-time-budget=10000',
    '--dump-dom',
  ];
  return new Promise((resolve, reject) => {
    execFile(
      chromium as string,
      [...options, url],
      { timeout: 25_000, maxBuffer: 64 * 1024 * 1024 },
      (error, dom, console) => (error ? reject(error) : resolve({ dom, console })),
    );
  });
}

/** What the page asked for; what the browser asks of its own accord has no page as its initiator. */
function requestsOf(netLog: string, page: string): string[] {
  const events = JSON.parse(readFileSync(netLog, 'utf8')).events as { params?: { url?: string; initiator?: string } }[];
  const urls = events.flatMap(({ params }) =>
    params?.url && (params.initiator === page || params.url.startsWith(page)) ? [params.url] : [],
  );
  return [...new Set(urls)];
}
