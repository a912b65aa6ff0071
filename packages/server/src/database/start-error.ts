/**
 * Why the database could not be opened. Each code stands for one thing a person can act on.
 *
 * - `invalid_database_url`, `unreachable`, `access_denied`, `version_mismatch`: also for an external database
 * - `unsupported_platform`, `runtime_unusable`: the bundled PostgreSQL is absent or does not run here
 * - `data_dir_unusable`, `disk_full`: the folder cannot be written, read or is full
 * - `cannot_leave_root`: the server runs as root but may not start a process as another user
 * - `cluster_damaged`, `initdb_failed`, `start_failed`, `start_timeout`: the cluster itself
 */
export type DatabaseStartCode =
  | 'invalid_database_url'
  | 'unreachable'
  | 'access_denied'
  | 'version_mismatch'
  | 'unsupported_platform'
  | 'runtime_unusable'
  | 'data_dir_unusable'
  | 'disk_full'
  | 'cannot_leave_root'
  | 'cluster_damaged'
  | 'initdb_failed'
  | 'start_failed'
  | 'start_timeout';

/** A start that failed for a reason outside the program. `message` is one line: what is wrong, then what to do. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError';

  constructor(
    readonly code: DatabaseStartCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), options);
  }
}

export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * The start error behind a failed file operation on `path`, or the error itself when it is no storage problem
 * (a bug must stay a bug).
 */
export function storageError(error: unknown, path: string): unknown {
  if (error instanceof DatabaseStartError) return error;
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(path, error);
    case 'EROFS':
      return new DatabaseStartError(
        'data_dir_unusable',
        `the file system of \`${path}\` is read-only; set DATA_DIR to a folder that can be written`,
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
      return new DatabaseStartError(
        'data_dir_unusable',
        `\`${path}\` cannot be written by this user; give it to the user who runs the server or set DATA_DIR to another folder`,
        { cause: error },
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new DatabaseStartError(
        'data_dir_unusable',
        `\`${path}\` is not a folder; set DATA_DIR to a folder that can be written`,
        { cause: error },
      );
    case 'ENAMETOOLONG':
    case 'ELOOP':
      return new DatabaseStartError(
        'data_dir_unusable',
        `\`${path}\` cannot be resolved; set DATA_DIR to another folder`,
        {
          cause: error,
        },
      );
    default:
      return error;
  }
}

export function diskFull(path: string, cause?: unknown): DatabaseStartError {
  return new DatabaseStartError(
    'disk_full',
    `the disk that holds \`${path}\` is full; free some space there (the database needs about 100 MB to begin) or set DATA_DIR to another disk`,
    { cause },
  );
}
