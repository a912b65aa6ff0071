import { type DecisionFilter, decisionRanges } from '../../api/decision-filter.js';

const effects = ['allow', 'deny', 'needs_approval'] as const;
const arms = ['stable', 'canary', 'shadow'] as const;
const outcomes = ['error', 'success'] as const;
const ranges = Object.keys(decisionRanges) as (keyof typeof decisionRanges)[];

/** The filter that an address carries; what it does not understand is left out. */
export function readDecisionSearch(search: Record<string, unknown>): DecisionFilter {
  const bundle = Number(search.bundle_id);
  return {
    ...textOf('agent', search),
    ...textOf('action', search),
    ...textOf('rule', search),
    ...textOf('session', search),
    ...textOf('before', search),
    ...choiceOf('effect', effects, search),
    ...choiceOf('arm', arms, search),
    ...choiceOf('status', outcomes, search),
    ...choiceOf('range', ranges, search),
    ...(Number.isSafeInteger(bundle) && bundle > 0 ? { bundle_id: bundle } : {}),
  };
}

/** Names of digits alone arrive as numbers. */
function textOf<K extends string>(name: K, search: Record<string, unknown>): { [P in K]?: string } {
  const value = search[name];
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
  return text === '' ? {} : ({ [name]: text } as { [P in K]?: string });
}

function choiceOf<K extends string, V extends string>(
  name: K,
  values: readonly V[],
  search: Record<string, unknown>,
): { [P in K]?: V } {
  const found = values.find((value) => value === search[name]);
  return found === undefined ? {} : ({ [name]: found } as { [P in K]?: V });
}

/** Whether anything narrows the list; the place in it does not. */
export function narrows({ before: _, ...filter }: DecisionFilter): boolean {
  return Object.keys(filter).length > 0;
}
