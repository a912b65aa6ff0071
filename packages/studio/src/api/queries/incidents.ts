import { queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { key } from '../keys.js';

/** Incidents that are neither resolved nor closed, newest first; `total` counts all of them. */
export function openIncidentsQuery(limit: number) {
  return queryOptions({
    queryKey: key('incidents', 'open', limit),
    queryFn: ({ signal }) => client.incidents.listIncidents({ unresolved_only: true, limit }, { signal }),
  });
}
