import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict' });
});
afterAll(() => server?.close());

const search = { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] };
const bring = (agent: string, tools: unknown, rest: object = {}) =>
  server.call('importCatalog', { body: { format: 'mcp', agent, tools, ...rest } });
const action = async (name: string) => (await server.call('getCatalogAction', { params: { action: name } })).body;

describe('the tools of an MCP server', () => {
  test('become actions of their agent, which is added', async () => {
    const tools = [
      { name: 'search', description: 'Finds things', inputSchema: search, annotations: { readOnlyHint: true } },
      { name: 'ping', inputSchema: { type: 'object' } },
    ];
    const { status, body } = await bring('web.agent', tools);
    expect(status).toBe(200);
    expect(body).toEqual({
      revision: 1,
      agent_created: true,
      imported: ['ping', 'search'],
      updated: [],
      unchanged: [],
      refused: [],
    });
    expect(await action('search')).toMatchObject({
      agents: ['web.agent'],
      description: 'Finds things',
      annotations: { readOnlyHint: true },
      context_schema: { type: 'object', properties: { args: { properties: search.properties } }, required: ['args'] },
    });
    const { entries } = (await server.call('listAudit', { query: { limit: 1 } })).body;
    expect(entries[0]).toMatchObject({
      kind: 'catalog.imported',
      subject: 'catalog/agents/web.agent',
      data: { imported: ['ping', 'search'], agent_created: true },
    });
  });

  test('that are imported again change nothing, and say what changed', async () => {
    const again = await bring('web.agent', {
      tools: [
        { name: 'search', description: 'Finds things', inputSchema: search, annotations: { readOnlyHint: true } },
      ],
    });
    expect(again.body).toMatchObject({ revision: 1, agent_created: false, unchanged: ['search'], updated: [] });
    const other = { ...search, required: [] };
    const changed = await bring('web.agent', {
      jsonrpc: '2.0',
      id: 1,
      result: { tools: [{ name: 'search', inputSchema: other }] },
    });
    expect(changed.body).toMatchObject({ revision: 2, updated: ['search'], unchanged: [] });
    expect((await action('search')).context_schema).not.toHaveProperty('required');
  });

  test('keep the risk and cost that an admin gave', async () => {
    await server.call('putCatalogAction', { params: { action: 'search' }, body: { risk: 'low', cost: 0.01 } });
    await bring('web.agent', [{ name: 'search', inputSchema: search }]);
    expect(await action('search')).toMatchObject({ risk: 'low', cost: 0.01 });
  });

  test('that another agent has with the same schema are shared', async () => {
    const { body } = await bring('mail.agent', [{ name: 'search', inputSchema: search }]);
    expect(body).toMatchObject({ agent_created: true, updated: ['search'] });
    expect((await action('search')).agents).toEqual(['web.agent', 'mail.agent']);
  });

  test('that another agent has with another schema are refused, and kept with a prefix', async () => {
    const other = [{ name: 'search', inputSchema: { type: 'object', properties: { q: { type: 'number' } } } }];
    const before = await action('search');
    const { body } = await bring('db.agent', other);
    expect(body).toMatchObject({ agent_created: false, imported: [], updated: [] });
    expect(body.refused).toEqual([{ name: 'search', reason: expect.stringContaining('`prefix`') }]);
    expect(await action('search')).toEqual(before);
    expect((await bring('db.agent', other, { prefix: 'db' })).body).toMatchObject({
      agent_created: true,
      imported: ['db.search'],
      refused: [],
    });
  });

  test('that every agent may use already are not narrowed to one', async () => {
    const { body } = await bring('web.agent', [{ name: 'delete', inputSchema: search }]);
    expect(body.refused).toEqual([{ name: 'delete', reason: expect.any(String) }]);
    expect((await action('delete')).agents).not.toEqual(['web.agent']);
  });

  test('that cannot be kept are named with the reason, and the others are kept', async () => {
    const tools = [
      { name: 'fine', inputSchema: { type: 'object' } },
      { name: 'look', inputSchema: { type: 'object', properties: { a: { pattern: '(?<=a)b' } } } },
      { name: 'has space', inputSchema: { type: 'object' } },
      { inputSchema: { type: 'object' } },
      'words',
      { name: 'twice', inputSchema: { type: 'object' } },
      { name: 'twice', inputSchema: { type: 'object', required: ['x'] } },
    ];
    const { status, body } = await bring('odd.agent', tools);
    expect(status).toBe(200);
    expect(body.imported).toContain('fine');
    expect(body.refused.map(({ name }) => name)).toEqual(expect.arrayContaining(['look', 'has space', null, 'twice']));
    for (const { reason } of body.refused) expect(reason.length).toBeGreaterThan(10);
  });

  test.each([[null], [{}], [{ tools: 'no' }], ['[]'], [42], [{ error: { code: -32601, message: 'no' } }]])(
    'that are none are refused as a whole: %o',
    async (tools) => {
      const { status, body } = await bring('none.agent', tools);
      expect(status).toBe(200);
      expect(body).toMatchObject({ agent_created: false, imported: [], refused: [{ name: null }] });
    },
  );

  test('of nobody, or in an unknown format, are refused', async () => {
    for (const body of [
      { format: 'mcp', tools: [] },
      { format: 'openapi', agent: 'a.b', tools: [] },
      { format: 'mcp', agent: 'a.*', tools: [] },
      { format: 'mcp', agent: 'a.b', tools: [], prefix: 'a..b' },
    ]) {
      expect((await server.call('importCatalog', { body })).status).toBe(422);
    }
  });
});

const data = process.env.POLICY_STUDIO_DATA ?? fileURLToPath(new URL('../../../../../../shared/data', import.meta.url));
const file = join(data, 'mcp-catalogs.json');

describe.skipIf(!existsSync(file))('recorded catalogs of MCP servers (POLICY_STUDIO_DATA)', () => {
  test('import, each tool of them, or are refused with a reason', async () => {
    const { catalogs } = JSON.parse(readFileSync(file, 'utf8')) as {
      catalogs: { server: string; tools: { name: string }[] }[];
    };
    const counts = { kept: 0, refused: 0 };
    for (const { server: name, tools } of catalogs) {
      const prefix = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
      const { status, body } = await bring(`mcp.${prefix}`, tools, { prefix });
      expect(status).toBe(200);
      const kept = [...body.imported, ...body.updated, ...body.unchanged];
      const told = new Set([...kept, ...body.refused.map((one) => `${prefix}.${one.name}`)]);
      expect(tools.filter((tool) => !told.has(`${prefix}.${tool.name}`))).toEqual([]);
      counts.kept += kept.length;
      counts.refused += body.refused.length;
    }
    // The others were recorded without `inputSchema`, which is their reason.
    expect(counts.kept).toBeGreaterThan(300);
    const { coverage } = (await server.call('getCatalog')).body;
    expect(coverage.actions).toBeGreaterThanOrEqual(counts.kept);
  });
});
