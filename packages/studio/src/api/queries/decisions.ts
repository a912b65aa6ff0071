import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { client } from '../client.js';
import { type DecisionFilter, decisionRanges } from '../decision-filter.js';
import { key } from '../keys.js';

export const decisionsPerPage = 50;
const tailEveryMs = 3_000;

/** One page, newest first; `tail`: read again every few seconds, as decisions have no events of their own. */
export function decisionsQuery({ range, before, ...filter }: DecisionFilter, tail: boolean) {
  return queryOptions({
    queryKey: key('decisions', 'list', { ...filter, range, before }),
    queryFn: ({ signal }) => {
      const from = range && new Date(Date.now() - decisionRanges[range] * 1000).toISOString();
      const asked = { ...filter, ...(from ? { from } : {}), ...(before ? { cursor: before } : {}) };
      return client.decisions.listDecisions({ ...asked, limit: decisionsPerPage }, { signal });
    },
    placeholderData: keepPreviousData,
    refetchInterval: tail ? tailEveryMs : false,
    // Shown again after a while, the newest are wanted.
    staleTime: 0,
  });
}

/** One decision as it is on record; an outcome may still come. */
export function decisionQuery(id: string) {
  return queryOptions({
    queryKey: key('decisions', 'one', id),
    queryFn: ({ signal }) => client.decisions.getDecision({ id }, { signal }),
  });
}

/** The same with its trace, which is computed again from rules and lists as they were; refused where those are gone. */
export function tracedDecisionQuery(id: string) {
  return queryOptions({
    queryKey: key('decisions', 'traced', id),
    queryFn: ({ signal }) => client.decisions.getDecision({ id, explain: true }, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
}
