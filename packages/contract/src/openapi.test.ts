import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from './openapi.js';
import { allOperations, operations } from './operations/index.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
interface OpenApi {
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

const document = openApiDocument(allOperations, version) as unknown as OpenApi;

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document) as never);
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
  });

  it('is committed as it is (`npm run generate` after a change of the contract)', () => {
    expect(JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'))).toEqual(document);
  });

  it('holds every operation once, under its id', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods as object).map(({ operationId }) => operationId),
    );
    expect(ids.sort()).toEqual(Object.keys(operations).sort());
  });

  it('refers only to schemas that it holds', () => {
    const referred = new Set(JSON.stringify(document).match(/#\/components\/schemas\/\w+/g));
    const held = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect([...referred].filter((reference) => !held.includes(reference))).toEqual([]);
  });

  it('tells for every operation with a key that it may be refused', () => {
    for (const operation of allOperations.filter(({ access }) => access !== 'public')) {
      const described = document.paths[operation.path]?.[operation.method.toLowerCase()];
      expect(Object.keys(described?.responses ?? {})).toEqual(expect.arrayContaining(['401', '403', '429']));
    }
  });
});

describe('the contract', () => {
  it('names each operation by its key', () => {
    for (const [key, operation] of Object.entries(operations)) expect(operation.id).toBe(key);
  });

  it('has one schema for each parameter of a path', () => {
    for (const { path, params } of allOperations) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const known = Object.keys((params as { properties?: object } | undefined)?.properties ?? {});
      expect(known.sort(), path).toEqual(named.sort());
    }
  });

  it('limits every body', () => {
    for (const { id, body, bodyLimit } of allOperations) if (body) expect(bodyLimit, id).toBeGreaterThan(0);
  });

  it('never gives the agent role a way to change anything but its own decisions', () => {
    const writes = allOperations.filter(
      ({ method, access }) => method !== 'GET' && access !== 'public' && access.includes('agent'),
    );
    expect(writes.map(({ id }) => id).sort()).toEqual(['evaluate', 'evaluateBatch', 'reportOutcome']);
  });
});
