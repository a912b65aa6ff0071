import { describe, expect, it } from 'vitest';
import type { Catalog, CatalogAction, JsonSchema } from './catalog.js';
import { compileCatalog } from './compiled-catalog.js';
import { contextFault, unknownTo } from './request-check.js';

const action = (name: string, agents: string[] | null, context_schema: JsonSchema | null = null): CatalogAction => ({
  ...{ action: name, agents, context_schema, risk: null, cost: null, description: '', annotations: {} },
});
const catalog: Catalog = {
  agents: [
    { agent: 'shop.bot', description: '' },
    { agent: 'inbox.triage', description: '' },
  ],
  actions: [
    action('refund', ['shop.*'], { properties: { amount: { type: 'number' } }, additionalProperties: false }),
    action('read', null),
  ],
};
const known = compileCatalog(catalog);
if (Array.isArray(known)) throw new Error(known[0]?.message);

describe('what a catalog does not know of a request', () => {
  it.each([
    ['shop.bot', 'refund', null],
    ['shop.bot', 'read', null],
    ['shop.sales', 'refund', 'the catalog has no agent `shop.sales`'],
    ['shop.sales', 'dance', 'the catalog has no agent `shop.sales` and no action `dance`'],
    ['inbox.triage', 'dance', 'the catalog has no action `dance`'],
    ['inbox.triage', 'refund', 'the catalog does not give `refund` to the agent `inbox.triage`'],
  ])('%s %s', (agent, name, expected) => {
    expect(unknownTo(known, { agent, action: name })).toBe(expected);
  });
});

describe('a context', () => {
  it('is checked by the schema of its action, and by none where there is none', () => {
    expect(contextFault(known, { action: 'refund', context: { amount: 5 } })).toBeNull();
    expect(contextFault(known, { action: 'read', context: { amount: '5' } })).toBeNull();
    expect(contextFault(known, { action: 'dance', context: { amount: '5' } })).toBeNull();
    expect(contextFault(known, { action: 'refund', context: { amount: '5', to: 1 } })).toMatchObject({
      reason: expect.stringMatching(/^the context does not fit the schema of `refund`: `\w+` .* \(and 1 more\)$/),
      violations: [{}, {}],
    });
  });

  it('may hold facts, which are no fields of it', () => {
    expect(contextFault(known, { action: 'refund', context: { amount: 5, current_hour: 'noon' } })).toBeNull();
  });

  it('is spoken of in few words, however long its names are', () => {
    const context = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`${n}${'x'.repeat(600)}`, 1]));
    const fault = contextFault(known, { action: 'refund', context });
    expect(fault?.violations).toHaveLength(16);
    expect(JSON.stringify(fault).length).toBeLessThan(5_000);
  });
});
