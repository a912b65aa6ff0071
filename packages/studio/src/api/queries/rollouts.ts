import { queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { key } from '../keys.js';

/** One rollout with its gates; figures move without an event, so it is read again every 15 s while it is shown. */
export function rolloutQuery(id: number) {
  return queryOptions({
    queryKey: key('rollouts', 'one', id),
    queryFn: ({ signal }) => client.rollouts.getRollout({ id }, { signal }),
    refetchInterval: 15_000,
  });
}

/** How far a bundle has come, who activated it and when, without its rules. */
export function canaryStatusQuery(bundleId: number) {
  return queryOptions({
    queryKey: key('rollouts', 'of-bundle', bundleId),
    queryFn: ({ signal }) => client.rollouts.getCanaryStatus({ id: bundleId }, { signal }),
  });
}
