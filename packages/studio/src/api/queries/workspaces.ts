import { queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { key } from '../keys.js';

/** The workspaces one may look at: all for the instance's admin, else the own. */
export const workspacesQuery = queryOptions({
  queryKey: key('workspaces', 'list'),
  queryFn: ({ signal }) => client.workspaces.listWorkspaces({ limit: 200 }, { signal }),
  staleTime: 5 * 60_000,
});
