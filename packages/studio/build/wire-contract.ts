import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  readonly access: unknown;
  readonly bodyLimit?: number;
  readonly params?: object;
  readonly query?: object;
  readonly headers?: object;
  readonly body?: object;
}

const operationsModule = fileURLToPath(new URL('../../contract/src/operations/index.ts', import.meta.url));

/**
 * The contract as a browser needs it: how each operation is called and who may call it. Schemas, descriptions and the
 * library that makes them stay at home, which is two thirds of the client.
 */
export function wireContract(): Plugin {
  return {
    name: 'policy-studio:wire-contract',
    async load(id) {
      if (id !== operationsModule) return null;
      const contract = (await import('@policy-studio/contract')) as {
        operations: Record<string, Operation>;
      };
      const operations = Object.fromEntries(
        Object.entries(contract.operations).map(([name, operation]) => [name, wireOf(operation)]),
      );
      return `export const operations = ${JSON.stringify(operations)};`;
    },
  };
}

function wireOf({ id, method, path, tag, access, bodyLimit, query, headers, body }: Operation): object {
  return {
    id,
    method,
    path,
    tag,
    access,
    ...(bodyLimit === undefined ? {} : { bodyLimit }),
    ...(query ? { query: names(query) } : {}),
    ...(headers ? { headers: names(headers) } : {}),
    ...(body ? { body: {} } : {}),
  };
}

/** The client reads the names of an object schema's members and nothing else of it. */
function names(schema: object): object {
  const { properties = {} } = schema as { properties?: object };
  return { properties: Object.fromEntries(Object.keys(properties).map((name) => [name, 1])) };
}
