import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { studioPages, studioRoutes } from '../../packages/server/src/http/studio.js';
import { unknownRoutes } from '../../packages/server/src/http/unknown-routes.js';
import { pageNames } from '../../packages/studio/src/paths.js';

const identity = { oidc: null };
const config = { identity, publicUrl: null } as never;

/** The routes over a folder, without a database. */
function studio(folder: string): FastifyInstance {
  const app = Fastify() as FastifyInstance;
  app.addHook(
    'onRequest',
    async (_request, reply) => void reply.header('content-security-policy', "default-src 'none'"),
  );
  unknownRoutes(app);
  studioRoutes(app, { config }, folder);
  return app;
}

let folder: string;
let app: FastifyInstance;
beforeAll(() => {
  folder = `${mkdtempSync(join(tmpdir(), 'policy-studio-pages-'))}/`;
  mkdirSync(`${folder}assets`);
  writeFileSync(`${folder}index.html`, '<meta nonce="__CSP_NONCE__"><meta content="__SESSION__|__SIGN_IN_WITH__">');
  writeFileSync(`${folder}assets/page-1a2b.js`, 'export const a = 1;'.repeat(100));
  writeFileSync(`${folder}assets/inter.woff2`, 'font');
  writeFileSync(`${folder}assets/page-1a2b.js.map`, '{}');
  writeFileSync(`${folder}icon.svg`, '<svg/>');
  writeFileSync(`${folder}manifest.json`, '{}');
  app = studio(folder);
});
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const get = (url: string, headers: Record<string, string> = html) => app.inject({ url, headers });

describe('the page of the Studio', () => {
  it('answers every address of the Studio, and the server knows all of them', async () => {
    expect([...studioPages].sort()).toEqual([...pageNames].sort());
    for (const url of ['/', ...studioPages.flatMap((name) => [`/${name}`, `/${name}/3/rules/a.b`])]) {
      const { statusCode, headers } = await get(url);
      expect([url, statusCode, headers['content-type']]).toEqual([url, 200, 'text/html; charset=utf-8']);
    }
  });

  it('is for browsers: a program gets 404 at all addresses but the first', async () => {
    expect((await get('/', { accept: '*/*' })).statusCode).toBe(200);
    const { statusCode, headers } = await get('/bundles', { accept: 'application/json' });
    expect([statusCode, headers['content-type']]).toEqual([404, 'application/problem+json; charset=utf-8']);
    expect((await get('/nowhere')).statusCode).toBe(404);
    expect((await app.inject({ method: 'POST', url: '/bundles', headers: html })).statusCode).toBe(405);
  });

  it('carries the nonce of its own policy, another one each time, and the policy allows nothing from inside it', async () => {
    const nonces = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      const { body, headers } = await get('/');
      const policy = String(headers['content-security-policy']);
      const nonce = /'nonce-([\w-]{22})'/.exec(policy)?.[1] ?? '';
      expect(body).toContain(`nonce="${nonce}"`);
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*|script-src[^;]*nonce/);
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(3);
  });

  it('need not be sent twice, and the policy that was kept with it stays', async () => {
    const { headers } = await get('/bundles');
    const again = await get('/bundles', { ...html, 'if-none-match': String(headers.etag) });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    expect(again.headers['content-security-policy']).toBeUndefined();
    expect(headers['cache-control']).toBe('private, no-cache');
  });

  it('says whether the browser brought a session, and is another page then', async () => {
    const before = await get('/');
    const after = await get('/', {
      ...html,
      cookie: 'policy_session=abc',
      'if-none-match': String(before.headers.etag),
    });
    expect(before.body).toContain('content="none|"');
    expect([after.statusCode, after.body.includes('content="maybe|"')]).toEqual([200, true]);
  });

  it('says how to build it where it is not built', async () => {
    const bare = studio(`${folder}nothing/`);
    const { statusCode, body } = await bare.inject({ url: '/', headers: html });
    expect([statusCode, body.includes('npm start')]).toEqual([200, true]);
    await bare.close();
  });
});

describe('the files of the Studio', () => {
  it('are kept for ever under their hashed names, compressed where that helps', async () => {
    const script = await get('/assets/page-1a2b.js', { 'accept-encoding': 'gzip, br' });
    expect(script.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': 'text/javascript; charset=utf-8',
      'content-encoding': 'gzip',
      vary: 'accept-encoding',
    });
    const font = await get('/assets/inter.woff2', { 'accept-encoding': 'gzip' });
    expect([font.headers['content-type'], font.headers['content-encoding']]).toEqual(['font/woff2', undefined]);
    expect((await get('/icon.svg')).headers['cache-control']).toBe('no-cache');
  });

  it('may start workers that load more of them, and nothing else', async () => {
    const policy = (await get('/assets/page-1a2b.js')).headers['content-security-policy'];
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('nonce');
  });

  it.each([
    '/assets/nothing.js',
    '/assets/page-1a2b.js.map',
    '/assets/..%2Findex.html',
    '/assets/%2e%2e%2fmanifest.json',
    '/assets/..%2f..%2f..%2fetc%2fpasswd',
    '/assets/%00.js',
    '/manifest.json',
  ])('are nothing else: %s', async (url) => {
    expect((await get(url)).statusCode).toBe(404);
  });
});

const built = fileURLToPath(new URL('../../packages/studio/dist', import.meta.url));

describe('what was built', () => {
  it('has a type for every file, no address of another host in its page, and no source maps', async () => {
    const files = readdirSync(join(built, 'assets'));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) expect(file).toMatch(/^[\w.-]+\.(js|css|woff2)$/);
    const page = readFileSync(join(built, 'index.html'), 'utf8');
    for (const place of ['__CSP_NONCE__', '__SIGN_IN_WITH__', '__SESSION__']) expect(page).toContain(place);
    expect(page).not.toMatch(/https?:|<script(?![^>]*\ssrc=)|<style|\son\w+=/);
  });
});
