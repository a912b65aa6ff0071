import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { type Answer, client } from '../client.js';
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

export const rolloutsPerPage = 20;

/** Rollouts, newest first. */
export function rolloutsQuery(page: { readonly offset: number }) {
  const asked = { offset: page.offset, limit: rolloutsPerPage };
  return queryOptions({
    queryKey: key('rollouts', 'list', asked),
    queryFn: ({ signal }) => client.rollouts.listRollouts(asked, { signal }),
    placeholderData: keepPreviousData,
  });
}

const changesRead = 200;

/** The newest requests of a step; those that the two bundles answer differently are among them. */
export function stepDecisionsQuery(rolloutId: number, stepEnteredAt: string) {
  return queryOptions({
    queryKey: key('rollouts', 'decisions', rolloutId, stepEnteredAt),
    queryFn: ({ signal }) => client.decisions.listDecisions({ from: stepEnteredAt, limit: changesRead }, { signal }),
    refetchInterval: 15_000,
  });
}

/** Pages of the trail that are read at most: with 200 entries each. */
const trailPages = 5;

/** What happened in the workspace from a moment on, newest first; `complete`: back to that moment. */
export function trailSinceQuery(since: string) {
  return queryOptions({
    queryKey: key('audit', 'since', since),
    queryFn: async ({ signal }) => {
      const entries: Answer<'audit', 'listAudit'>['entries'] = [];
      let before: number | null = null;
      for (let page = 0; page < trailPages; page += 1) {
        const answer: Answer<'audit', 'listAudit'> = await client.audit.listAudit(
          { limit: 200, ...(before === null ? {} : { before }) },
          { signal },
        );
        entries.push(...answer.entries);
        before = answer.next_before;
        const oldest = answer.entries[answer.entries.length - 1];
        if (before === null || oldest === undefined || oldest.at < since) return { entries, complete: true };
      }
      return { entries, complete: false };
    },
  });
}
