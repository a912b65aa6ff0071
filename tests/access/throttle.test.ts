import { describe, expect, it } from 'vitest';
import { startTestServer } from '../../packages/server/src/server.testkit.js';

describe('an address with too many failed attempts', () => {
  it('waits, unless it shows a credential that has worked before; a right guess tells nothing', async () => {
    let nowMs = Date.parse('2026-03-01T12:00:00Z');
    const server = await startTestServer({
      clock: { now: () => new Date(nowMs) },
      accessLimits: { failuresPerMinute: 3 },
    });
    try {
      const seen = await server.createKey('viewer');
      const unseen = await server.createKey('viewer');
      expect((await server.call('whoami', { token: seen })).status).toBe(200);
      for (let attempt = 0; attempt < 3; attempt += 1) {
        expect((await server.call('whoami', { token: `guess-${attempt}` })).status).toBe(401);
      }
      const { status, problem, headers } = await server.call('whoami', { token: 'guess-4' });
      expect([status, problem.code]).toEqual([429, 'rate_limited']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(50);
      expect((await server.call('whoami', { token: unseen })).status).toBe(429);
      expect((await server.call('whoami', { token: seen })).status).toBe(200);
      expect((await server.call('whoami')).status).toBe(200);
      nowMs += 60_001;
      expect((await server.call('whoami', { token: unseen })).status).toBe(200);
    } finally {
      await server.close();
    }
  });
});

describe('a key with too many requests', () => {
  it('waits for the next minute while others go on', async () => {
    let nowMs = Date.parse('2026-03-01T12:00:00Z');
    const server = await startTestServer({
      clock: { now: () => new Date(nowMs) },
      accessLimits: { requestsPerMinute: 5 },
    });
    try {
      const [busy, calm] = [await server.createKey('viewer'), await server.createKey('viewer')];
      for (let request = 0; request < 5; request += 1) await server.call('whoami', { token: busy });
      expect((await server.call('whoami', { token: busy })).problem.code).toBe('rate_limited');
      expect((await server.call('whoami', { token: calm })).status).toBe(200);
      nowMs += 60_001;
      expect((await server.call('whoami', { token: busy })).status).toBe(200);
    } finally {
      await server.close();
    }
  });
});

describe('a person who signs in too often', () => {
  it('waits for the next minute, so that nobody can flood the audit trail', async () => {
    let nowMs = Date.parse('2026-03-01T12:00:00Z');
    const server = await startTestServer({
      clock: { now: () => new Date(nowMs) },
      accessLimits: { signInsPerMinute: 2 },
    });
    try {
      const [token, other] = [await server.createKey('viewer'), await server.createKey('viewer')];
      const signIn = async (key: string) => (await server.call('signIn', { token: null, body: { token: key } })).status;
      expect([await signIn(token), await signIn(token), await signIn(token)]).toEqual([200, 200, 429]);
      expect(await signIn(other)).toBe(200);
      expect((await server.call('whoami', { token })).status).toBe(200);
      nowMs += 60_001;
      expect(await signIn(token)).toBe(200);
    } finally {
      await server.close();
    }
  });
});
