/**
 * What a failed query says about the database, for those who can go on without it.
 *
 * - `away`: it cannot be reached or is stopping; try again later
 * - `busy`: it is there, but did not answer, or did not get a lock, in time
 * - `conflict`: another transaction was faster; the same request may well succeed now
 * - `full`: its disk is full
 * - null: something else, which is a bug
 */
export type DatabaseFailure = 'away' | 'busy' | 'conflict' | 'full' | null;

const awayStates = new Set(['57P01', '57P02', '57P03', '53300', '25006']);
const awaySystemErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** The driver reports the loss of a connection in words only. */
const awayMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|the database system is)/;

export function databaseFailure(error: unknown): DatabaseFailure {
  if (!(error instanceof Error)) return null;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  if (typeof code === 'string') {
    if (awayStates.has(code) || code.startsWith('08')) return 'away';
    // The socket of the embedded database: gone, or not yet to be used.
    if (awaySystemErrors.has(code) || (syscall === 'connect' && (code === 'ENOENT' || code === 'EACCES')))
      return 'away';
    if (code === '55P03' || code === '57014') return 'busy';
    if (code === '40001' || code === '40P01') return 'conflict';
    if (code === '53100' || code === 'ENOSPC') return 'full';
  }
  if (error instanceof AggregateError && error.errors.some((inner) => databaseFailure(inner) === 'away')) return 'away';
  if (awayMessages.test(error.message)) return 'away';
  if (error.message === 'Query read timeout') return 'busy';
  return null;
}
