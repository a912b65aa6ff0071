import type { Decision } from '@policy-studio/contract';
import type { Refusal } from '../../refusal.js';
import type { RecordRow } from './draft.js';

/** What came of a request id that this server answered while the database was away. */
export type EarlierUse =
  | { readonly verdict: 'repeated'; readonly answer: Promise<Decision | Refusal> }
  | { readonly verdict: 'reused' | 'superseded' };

/**
 * The request ids answered while the database is away, until their records are drained: this server keeps its promise
 * about them by itself. Others, and ids used before, it cannot know; the answer says so.
 */
export interface AwayClaims {
  /** The earlier use of the row's request id; null: it was not used here, or it has none. */
  earlier(workspaceId: number, row: RecordRow): EarlierUse | null;
  /** Remembers an answer that is being kept on disk; forgets it when it turns out to be refused. */
  add(workspaceId: number, row: RecordRow, answer: Promise<Decision | Refusal>): void;
  /** Everything is in the database, which answers for it from now on. */
  clear(): void;
}

interface Claim {
  readonly digest: string | null;
  readonly generation: number;
  readonly answer: Promise<Decision | Refusal>;
}

const maxClaims = 100_000;

export function createAwayClaims(): AwayClaims {
  const claims = new Map<string, Claim>();
  const keyOf = (workspaceId: number, { key_id, request_id }: RecordRow): string =>
    `${workspaceId} ${key_id} ${request_id}`;
  return {
    earlier(workspaceId, row) {
      if (row.request_id === null || claims.size === 0) return null;
      const claim = claims.get(keyOf(workspaceId, row));
      if (!claim) return null;
      if (claim.digest !== row.digest) return { verdict: 'reused' };
      return claim.generation < row.generation
        ? { verdict: 'superseded' }
        : { verdict: 'repeated', answer: claim.answer };
    },
    add(workspaceId, row, answer) {
      if (row.request_id === null || claims.size >= maxClaims) return;
      const key = keyOf(workspaceId, row);
      const claim = { digest: row.digest, generation: row.generation, answer };
      claims.set(key, claim);
      const forget = (): void => {
        if (claims.get(key) === claim) claims.delete(key);
      };
      answer.then((given) => 'decision_id' in given || forget(), forget);
    },
    clear() {
      claims.clear();
    },
  };
}
