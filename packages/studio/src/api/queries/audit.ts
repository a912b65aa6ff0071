import { queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { key } from '../keys.js';

/** The newest changes of the workspace. */
export function latestChangesQuery(limit: number) {
  return queryOptions({
    queryKey: key('audit', 'latest', limit),
    queryFn: ({ signal }) => client.audit.listAudit({ limit }, { signal }),
  });
}
