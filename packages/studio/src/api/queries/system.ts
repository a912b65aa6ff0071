import { queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { key } from '../keys.js';

/** What is in force, whether the database answers, pins and freezes: in step with events, and every 30 s for what has none. */
export const systemQuery = queryOptions({
  queryKey: key('system'),
  queryFn: ({ signal }) => client.system.getSystem({}, { signal }),
  refetchInterval: 30_000,
});
