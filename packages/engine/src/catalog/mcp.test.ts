import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compileCatalog } from './compiled-catalog.js';
import { actionsFromMcp, mcpLimits } from './mcp.js';
import { parseContextSchema } from './schema.js';
import { validateContext } from './validate.js';

const tool = (name: string, inputSchema: unknown, more: Record<string, unknown> = {}) => ({
  name,
  inputSchema,
  ...more,
});
const tree = {
  type: 'object',
  properties: { root: { $ref: '#/$defs/node' }, self: { $ref: '#' }, $ref: { type: 'string' } },
  $defs: { node: { type: 'object', properties: { children: { type: 'array', items: { $ref: '#/$defs/node' } } } } },
  required: ['root'],
};

function violations(schema: unknown, context: Record<string, unknown>): number {
  const parsed = parseContextSchema(schema);
  if (Array.isArray(parsed)) throw new Error(JSON.stringify(parsed));
  return validateContext(parsed, context).length;
}

describe('actionsFromMcp', () => {
  it('makes an action of each tool, its arguments under `args`', () => {
    const annotations = { readOnlyHint: true, title: 'List' };
    const tools = [
      tool('list', { type: 'object', properties: { a: { type: 'string' } } }, { annotations, description: 'Lists' }),
    ];
    expect(actionsFromMcp(tools, { agent: 'helper', prefix: 'github' })).toEqual({
      actions: [
        {
          action: 'github.list',
          agents: ['helper'],
          context_schema: {
            type: 'object',
            properties: { args: { type: 'object', properties: { a: { type: 'string' } } } },
          },
          risk: null,
          cost: null,
          description: 'Lists',
          annotations,
        },
      ],
      refused: [],
    });
  });
  it.each([
    ['the array', (tools: unknown) => tools],
    ['the result', (tools: unknown) => ({ tools, nextCursor: 'x' })],
    ['the response', (tools: unknown) => ({ jsonrpc: '2.0', id: 1, result: { tools } })],
  ])('takes %s', (_, wrapped) => {
    expect(actionsFromMcp(wrapped([tool('a', {})]), { agent: 'x' }).actions).toHaveLength(1);
  });
  it('asks for `args` when the tool asks for an argument', () => {
    const [action] = actionsFromMcp([tool('grow', tree)], { agent: 'x' }).actions;
    expect(violations(action?.context_schema, {})).toBe(1);
    expect(violations(action?.context_schema, { args: {} })).toBe(1);
    expect(violations(action?.context_schema, { args: { root: {} }, other: 1 })).toBe(0);
  });
  it('keeps references leading where they led, and a field called $ref a field', () => {
    const [action] = actionsFromMcp([tool('grow', tree)], { agent: 'x' }).actions;
    const args = (root: unknown, more = {}) => ({ args: { root, ...more } });
    expect(violations(action?.context_schema, args({ children: [{ children: [] }] }))).toBe(0);
    expect(violations(action?.context_schema, args({ children: [{ children: [1] }] }))).toBe(1);
    expect(violations(action?.context_schema, args({}, { self: { root: {} } }))).toBe(0);
    expect(violations(action?.context_schema, args({}, { self: {} }))).toBe(1);
    expect(violations(action?.context_schema, args({}, { $ref: 1 }))).toBe(1);
  });
  it('leaves examples that look like references alone', () => {
    const schema = { properties: { a: { const: { $ref: '#/a' } }, b: { enum: [{ $ref: '#' }] } } };
    const [action] = actionsFromMcp([tool('a', schema)], { agent: 'x' }).actions;
    expect(violations(action?.context_schema, { args: { a: { $ref: '#/a' }, b: { $ref: '#' } } })).toBe(0);
  });
  it('takes the same tool twice as one, and refuses both of two that differ', () => {
    const same = tool('a', { type: 'object' });
    const { actions, refused } = actionsFromMcp(
      [same, same, tool('b', {}), tool('b', { type: 'object' }), tool('b', {})],
      {
        agent: 'x',
      },
    );
    expect(actions.map(({ action }) => action)).toEqual(['a']);
    expect(refused.map(({ name }) => name)).toEqual(['b', 'b']);
  });
  it.each<[unknown, string | null, RegExp]>([
    [1, null, /must be an object/],
    [{ inputSchema: {} }, null, /no name/],
    [tool('two words', {}), 'two words', /`two words` is no name of an action/],
    [tool('x'.repeat(129), {}), 'x'.repeat(128), /at most 128/],
    [{ name: 'a' }, 'a', /no `inputSchema`/],
    [
      tool('a', { properties: { b: { type: 'text' } } }),
      'a',
      /its schema cannot be used: .*`text` is no type.*\(at `properties\/b\/type`\)/,
    ],
    [tool('a', { $ref: 'https://example.com/x' }), 'a', /leads out of this schema/],
  ])('refuses %j with the reason', (each, name, reason) => {
    const { actions, refused } = actionsFromMcp([each], { agent: 'x' });
    expect(actions).toEqual([]);
    expect(refused).toHaveLength(1);
    expect(refused[0]?.name).toBe(name);
    expect(refused[0]?.reason).toMatch(reason);
  });
  it('refuses what holds no tools, and more than 5,000 of them', () => {
    for (const none of [null, 'tools', { result: 1 }, {}]) {
      expect(actionsFromMcp(none, { agent: 'x' }).refused).toHaveLength(1);
    }
    const many = Array.from({ length: mcpLimits.tools + 2 }, (_, i) => tool(`t${i}`, {}));
    const { actions, refused } = actionsFromMcp(many, { agent: 'x' });
    expect([actions.length, refused.length]).toEqual([mcpLimits.tools, 2]);
  });
  it('bounds what a server says of its tools', () => {
    const annotations = { title: 'x'.repeat(10_000) };
    const [action] = actionsFromMcp([tool('a', {}, { annotations, description: 'y'.repeat(10_000) })], {
      agent: 'x',
    }).actions;
    expect(action?.annotations).toEqual({});
    expect(action?.description).toHaveLength(mcpLimits.descriptionChars);
  });
});

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const folder = process.env.POLICY_STUDIO_DATA ?? join(root, '..', 'shared', 'data');
const file = join(folder, 'mcp-catalogs.json');

describe.skipIf(!existsSync(file))('the catalogues of real servers (mcp-catalogs.json in POLICY_STUDIO_DATA)', () => {
  const { catalogs } = JSON.parse(existsSync(file) ? readFileSync(file, 'utf8') : '{"catalogs": []}') as {
    catalogs: { server: string; tools: { name: string; inputSchema?: unknown }[] }[];
  };
  it('are there', () => {
    expect(catalogs.length).toBeGreaterThan(10);
  });
  it.each(catalogs.map((each) => [each.server, each] as const))(
    '%s: every tool is imported, or refused with a reason',
    (server, each) => {
      const { actions, refused } = actionsFromMcp(each.tools, { agent: server });
      for (const { name, reason } of refused)
        expect(`${name} ${reason}`).toMatch(/^\S+ .*(`inputSchema`|its schema cannot be used)/);
      const names = new Set([...actions.map(({ action }) => action), ...refused.map(({ name }) => name)]);
      expect(names).toEqual(new Set(each.tools.map(({ name }) => name)));
      const compiled = compileCatalog({ agents: [{ agent: server, description: '' }], actions });
      expect(compiled).toHaveProperty('catalog');
      // What has a schema is refused for that schema's sake alone; of these servers, one tool's is broken.
      const broken = each.tools.filter(
        ({ name, inputSchema }) => inputSchema !== undefined && refused.some((r) => r.name === name),
      );
      expect(broken.map(({ name }) => name)).toEqual(server === 'sequentialthinking' ? ['sequentialthinking'] : []);
    },
  );
});
