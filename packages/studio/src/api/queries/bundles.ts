import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { key } from '../keys.js';

export const bundlesPerPage = 20;

export function bundlesQuery(page: { readonly offset: number; readonly limit?: number }) {
  const asked = { offset: page.offset, limit: page.limit ?? bundlesPerPage };
  return queryOptions({
    queryKey: key('bundles', 'list', asked),
    queryFn: ({ signal }) => client.bundles.listBundles(asked, { signal }),
    placeholderData: keepPreviousData,
  });
}

export function bundleQuery(id: number) {
  return queryOptions({
    queryKey: key('bundles', 'one', id),
    queryFn: ({ signal }) => client.bundles.getBundle({ id }, { signal }),
  });
}
