import type { PoolClient } from 'pg';

/**
 * Runs `work` inside the caller's transaction so that its failure undoes `work` alone: what it returns, or what it threw as
 * `failed`. Throws when the transaction itself is lost.
 */
export async function inSavepoint<T>(
  tx: PoolClient,
  work: () => Promise<T>,
): Promise<{ readonly done: T } | { readonly failed: unknown }> {
  await tx.query('savepoint attempt');
  try {
    const done = await work();
    await tx.query('release savepoint attempt');
    return { done };
  } catch (failed) {
    await tx.query('rollback to savepoint attempt');
    await tx.query('release savepoint attempt');
    return { failed };
  }
}
