import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

describe('evaluate', () => {
  it('answers the default effect when nothing is active, and records it', async () => {
    const { status, body } = await server.call('evaluate', { body: { agent: 'a.b', action: 'c', context: { x: 1 } } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ effect: 'deny', default: true, bundle: null, matched_rule: null });
    const { body: record } = await server.call('getDecision', { params: { id: body.decision_id } });
    expect(record).toMatchObject({ ...body, context: { x: 1 }, source: 'api', outcome: null });
  });
});
