import { queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { key } from '../keys.js';

/** What waits for people, newest first; `total` counts all of it. */
export function pendingApprovalsQuery(limit: number) {
  return queryOptions({
    queryKey: key('approvals', 'pending', limit),
    queryFn: ({ signal }) => client.approvals.listApprovals({ status: 'pending', limit }, { signal }),
  });
}
