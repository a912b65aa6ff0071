import { queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { key } from '../keys.js';

/** Agents, actions and their schemas. */
export const catalogQuery = queryOptions({
  queryKey: key('catalog'),
  queryFn: ({ signal }) => client.catalog.getCatalog({}, { signal }),
});
