import { describe, expect, it } from 'vitest';
import type { Catalog, CatalogAction, JsonSchema } from './catalog.js';
import { catalogLimits, compileCatalog, type SchemaMemory } from './compiled-catalog.js';

const action = (name: string, context_schema: JsonSchema | null): CatalogAction => ({
  action: name,
  agents: null,
  context_schema,
  risk: null,
  cost: null,
  description: '',
  annotations: {},
});
const catalogOf = (...actions: CatalogAction[]): Catalog => ({
  agents: [{ agent: 'a.b', description: '' }],
  actions,
});
function compiled(catalog: Catalog, memory: SchemaMemory) {
  const made = compileCatalog(catalog, memory);
  if (Array.isArray(made)) throw new Error(made[0]?.message);
  return made;
}

describe('a memory of schemas', () => {
  it('keeps what was read of a schema that stays the same object, and nothing else', () => {
    const memory: SchemaMemory = new WeakMap();
    const [one, two] = [action('one', { type: 'object' }), action('two', { required: ['x'] })];
    const first = compiled(catalogOf(one, two), memory);
    const second = compiled(catalogOf(one, action('two', { required: ['x'] }), action('three', null)), memory);
    expect(second.schemaOf('*', 'one')).toBe(first.schemaOf('*', 'one'));
    expect(second.schemaOf('*', 'two')).not.toBe(first.schemaOf('*', 'two'));
    expect(second.schemaOf('*', 'two')).toEqual(first.schemaOf('*', 'two'));
  });

  it('does not keep a schema that is refused', () => {
    const memory: SchemaMemory = new WeakMap();
    const wrong = catalogOf(action('one', { type: 'odd' }));
    const first = compileCatalog(wrong, memory);
    expect(first).toMatchObject([{ code: 'invalid-schema' }]);
    expect(compileCatalog(wrong, memory)).toEqual(first);
  });

  it('lets no more patterns through than there would be without it', () => {
    const memory: SchemaMemory = new WeakMap();
    const heavy = (name: string) =>
      action(name, {
        properties: Object.fromEntries(
          Array.from({ length: 4 }, (_, i) => [`f${i}`, { pattern: `${'a{1000}'.repeat(4)}b${i}` }]),
        ),
      });
    const actions: CatalogAction[] = [];
    let spent = 0;
    while (spent <= catalogLimits.instructions) {
      const next = heavy(`action-${actions.length}`);
      const made = compileCatalog(catalogOf(next), memory);
      if (Array.isArray(made)) throw new Error(made[0]?.message);
      spent += made.schemaOf('*', next.action)?.instructions ?? 0;
      actions.push(next);
    }
    const many = catalogOf(...actions, heavy('last'));
    const without = compileCatalog(many);
    expect(without).toEqual(expect.arrayContaining([expect.objectContaining({ code: 'limit-exceeded' })]));
    expect(compileCatalog(many, memory)).toEqual(without);
  });
});
