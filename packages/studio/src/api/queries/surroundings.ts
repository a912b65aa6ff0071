import type { Catalog, Lists } from '@policy-studio/engine';
import { ProblemError } from '@policy-studio/sdk';
import { queryOptions } from '@tanstack/react-query';
import type { Surroundings } from '../../engine/protocol.js';
import { client } from '../client.js';
import { key } from '../keys.js';

/**
 * What the rules of this workspace are judged by: settings, catalog, and the lists of these names (`listsUsed` of the
 * engine). A list that is not there is left out, and what names it is a finding.
 */
export function surroundingsQuery(listNames: readonly string[]) {
  return queryOptions({
    queryKey: [...key('settings'), 'surroundings', ...listNames],
    queryFn: async ({ signal }): Promise<Surroundings> => {
      const [settings, catalog, ...named] = await Promise.all([
        client.settings.getSettings({}, { signal }),
        client.catalog.getCatalog({}, { signal }),
        ...listNames.map((name) => listOf(name, signal)),
      ]);
      return {
        lists: Object.assign({}, ...named) as Lists,
        catalog: catalog as Catalog,
        catalogMode: settings.catalog,
        defaultEffect: settings.default_effect,
        enforceContext: settings.enforce_context,
      };
    },
  });
}

async function listOf(name: string, signal: AbortSignal): Promise<Lists> {
  try {
    const { values, normalize } = await client.lists.getList({ name }, { signal });
    return { [name]: { values, ...(normalize === null ? {} : { normalize }) } };
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return {};
    throw error;
  }
}
