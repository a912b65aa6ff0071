import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { oddTexts } from './values.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ accessLimits: { failuresPerMinute: 100_000 } });
});
afterAll(() => server?.close());

/** The pages are not in the document: they are for people. By the name of what they take. */
const pages = [
  ['GET', '/sign-in', 'link'],
  ['POST', '/sign-in', 'token'],
  ['POST', '/sign-in', 'link'],
  ['POST', '/sign-out', 'csrf_token'],
  ['GET', '/approval-link', 'token'],
  ['POST', '/approval-link', 'token'],
  ['GET', '/docs', 'x'],
  ['GET', '/docs/problems', 'x'],
  ['GET', '/assets/', ''],
  ['GET', '/bundles/', ''],
  ['GET', '/metrics', 'x'],
] as const;

async function open(method: string, path: string, name: string, text: string): Promise<Response> {
  const value = new URLSearchParams({ [name]: text, verdict: 'approve', comment: text }).toString();
  const address =
    name === '' ? `${path}${encodeURIComponent(text.replaceAll(/[\ud800-\udfff]/g, '?')) || 'x'}` : `${path}?${value}`;
  return fetch(server.url + (method === 'GET' ? address : path), {
    method,
    redirect: 'manual',
    headers: { accept: 'text/html', cookie: `policy_session=${encodeURIComponent('x'.repeat(43))}` },
    ...(method === 'GET' ? {} : { body: new URLSearchParams(value) }),
  });
}

describe('whatever is sent to a page', () => {
  it.each(pages)('%s %s with %s is answered below 500, and shows it as text', async (method, path, name) => {
    for (const text of oddTexts.filter((each) => each.length < 10_000)) {
      const response = await open(method, path, name, text);
      const html = await response.text();
      const what = `${response.status} ${JSON.stringify(text.slice(0, 60))}`;
      expect(response.status, what).toBeLessThan(500);
      expect(html, what).not.toContain('<script>alert(1)');
      expect(response.headers.get('content-security-policy'), what).toMatch(/default-src 'none'/);
      expect(response.headers.get('x-content-type-options'), what).toBe('nosniff');
      expect(response.headers.get('content-security-policy'), what).not.toMatch(/script-src[^;]*'unsafe/);
      expect(response.headers.get('access-control-allow-origin'), what).toBeNull();
    }
  });

  it.each(pages.filter(([method]) => method === 'POST'))(
    '%s %s takes forms of a bounded size, and nothing else',
    async (_, path) => {
      const send = (type: string, body: string) =>
        fetch(server.url + path, { method: 'POST', redirect: 'manual', headers: { 'content-type': type }, body });
      const large = await send('application/x-www-form-urlencoded', `token=${'x'.repeat(100_000)}`);
      expect(large.status).toBe(413);
      for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
        expect((await send(type, '{"token":"x"}')).status, type).toBeLessThan(500);
      }
    },
  );
});
