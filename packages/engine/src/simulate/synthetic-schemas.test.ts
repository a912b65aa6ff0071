import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CatalogAction, JsonSchema } from '../catalog/catalog.js';
import { compileCatalog } from '../catalog/compiled-catalog.js';
import { actionsFromMcp } from '../catalog/mcp.js';
import { validateContext } from '../catalog/validate.js';
import { policyOf } from './policies.testkit.js';
import { syntheticCases } from './synthetic.js';

/** How many of the cases made up for the actions break their schemas, by the first violation. */
function violationsIn(actions: readonly CatalogAction[], count: number): string[] {
  const catalog = compileCatalog({ agents: [{ agent: 'agent', description: '' }], actions });
  if (Array.isArray(catalog)) throw new Error(JSON.stringify(catalog));
  const policy = policyOf([
    { id: 'any', agent: '*', action: '*', effect: 'deny', conditions: { any: [{ '>args.n': 5 }, { 'args.s': 'x' }] } },
    { id: 'text', agent: '*', action: '*', effect: 'allow', conditions: { 'args.path starts_with': '/', s: 'x' } },
  ]);
  return syntheticCases([policy], { count, seed: 42, catalog }).flatMap(({ agent, action, context }) => {
    const schema = catalog.schemaOf(agent, action);
    const [violation] = schema === null ? [] : validateContext(schema, context);
    return violation === undefined ? [] : [`${action} ${violation.path.join('.')} ${violation.message}`];
  });
}

const action = (context_schema: JsonSchema): CatalogAction => ({
  action: 'act',
  agents: null,
  context_schema,
  risk: null,
  cost: null,
  description: '',
  annotations: {},
});

describe('cases made up for a schema', () => {
  it.each<[string, JsonSchema]>([
    ['bounds', { properties: { n: { type: 'integer', exclusiveMinimum: 4, maximum: 5 } }, required: ['n'] }],
    ['multiples', { properties: { n: { type: 'number', multipleOf: 0.25, minimum: 1, maximum: 2 } }, required: ['n'] }],
    ['lengths', { properties: { s: { type: 'string', minLength: 30, maxLength: 31 } }, required: ['s'] }],
    ['a pattern', { properties: { s: { type: 'string', pattern: '^[A-Z]{3}-[0-9]{4}$' } }, required: ['s'] }],
    ['closed objects', { type: 'object', additionalProperties: false, properties: { s: { const: 'y' } } }],
    ['alternatives', { properties: { s: { anyOf: [{ type: 'integer' }, { enum: ['a', null] }] } }, required: ['s'] }],
    [
      'one of several',
      {
        oneOf: [
          { required: ['a'], properties: { a: { const: 1 }, b: false } },
          { required: ['b'], properties: { b: { const: 2 }, a: false } },
        ],
      },
    ],
    [
      'all of several',
      {
        allOf: [
          { required: ['s'], properties: { s: { type: 'string' } } },
          { required: ['n'], properties: { n: { type: 'number' } } },
        ],
      },
    ],
    [
      'a condition',
      {
        properties: { s: { enum: ['x', 'y'] } },
        required: ['s'],
        if: { properties: { s: { const: 'x' } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { required: ['n'], properties: { n: { type: 'integer' } } },
      },
    ],
    [
      'unique elements',
      {
        properties: { l: { type: 'array', uniqueItems: true, minItems: 2, items: { enum: [1, 2, 3, 4, 5] } } },
        required: ['l'],
      },
    ],
    [
      'tuples',
      {
        properties: {
          l: { type: 'array', prefixItems: [{ type: 'boolean' }, { type: 'string' }], items: false, minItems: 2 },
        },
        required: ['l'],
      },
    ],
    [
      'what contains',
      { properties: { l: { type: 'array', contains: { const: 7 }, items: { type: 'integer' } } }, required: ['l'] },
    ],
    [
      'references',
      {
        $defs: {
          p: { type: 'object', required: ['v'], properties: { v: { type: 'integer' }, next: { $ref: '#/$defs/p' } } },
        },
        properties: { args: { $ref: '#/$defs/p' } },
        required: ['args'],
      },
    ],
    [
      'named by pattern',
      { required: ['x-1'], patternProperties: { '^x-': { type: 'integer' } }, additionalProperties: false },
    ],
    [
      'draft 4 bounds',
      { properties: { n: { type: 'integer', minimum: 3, exclusiveMinimum: true, maximum: 4 } }, required: ['n'] },
    ],
  ])('keep to %s', (_, schema) => {
    expect(violationsIn([action(schema)], 100)).toEqual([]);
  });

  it('are there even where nothing meets the schema', () => {
    expect(violationsIn([action({ required: ['n'], properties: { n: false } })], 20)).toHaveLength(20);
  });
});

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const folder = process.env.POLICY_STUDIO_DATA ?? join(root, '..', 'shared', 'data');
const file = join(folder, 'mcp-catalogs.json');

describe.skipIf(!existsSync(file))('the catalogues of real servers (mcp-catalogs.json in POLICY_STUDIO_DATA)', () => {
  const { catalogs } = JSON.parse(existsSync(file) ? readFileSync(file, 'utf8') : '{"catalogs": []}') as {
    catalogs: { server: string; tools: unknown }[];
  };
  it.each(catalogs.map(({ server, tools }) => [server, tools] as const))(
    '%s: cases keep to its schemas',
    (_, tools) => {
      const { actions } = actionsFromMcp(tools, { agent: 'agent' });
      expect(violationsIn(actions, 200)).toEqual([]);
    },
  );
});
