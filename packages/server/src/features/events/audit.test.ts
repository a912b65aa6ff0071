import { auditEntryHash } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';

describe('the audit trail', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
    // Keys made at once: their events are numbered all the same.
    await Promise.all(
      Array.from({ length: 25 }, (_, index) => server.createKey('viewer', { name: `viewer ${index}` })),
    );
  });
  afterAll(() => server?.close());

  it('numbers changes without gaps and comes newest first, page by page', async () => {
    const seen: number[] = [];
    let before: number | null = null;
    do {
      const { body }: Awaited<ReturnType<typeof server.call<'listAudit'>>> = await server.call('listAudit', {
        query: { limit: 10, ...(before === null ? {} : { before }) },
      });
      seen.push(...body.entries.map(({ seq }) => seq));
      before = body.next_before;
    } while (before !== null);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => 25 - index));
  });

  it('chains every entry to the one before, so that a change or an omission shows', async () => {
    const { body } = await server.call('listAudit', { query: { limit: 200 } });
    const { rows } = await server.db.pool.query<{ event_hash: string }>(
      "select event_hash from workspace where name = 'default'",
    );
    let hash = '';
    for (const entry of [...body.entries].reverse()) {
      hash = auditEntryHash(hash, entry);
      expect(entry.hash).toBe(hash);
    }
    expect(rows[0]?.event_hash).toBe(hash);
  });
});
