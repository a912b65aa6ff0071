import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { DatabaseStartError, errorCode } from '../start-error.js';
import type { Layout } from './layout.js';

/** The user a child process runs as; `null` stands for "as ourselves". */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/**
 * A uid for the database alone, so that no other service shares its files. Needs no entry in /etc/passwd, and lies
 * below 65,536, the usual size of the uid range of a container.
 */
const dedicatedUid = 64_818;

/** `initdb`, unlike the server itself, insists on a user with a name; every system has this one. */
export const nobody: RunAs = { uid: 65_534, gid: 65_534 };

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The user who runs PostgreSQL: ourselves, unless we are root (PostgreSQL refuses root). An existing cluster keeps its
 * owner; one that came to belong to root (a restored backup) is to be handed to the dedicated uid.
 *
 * @throws DatabaseStartError `data_dir_unusable` when the cluster belongs to somebody else and we are not root
 */
export async function databaseUser(layout: Layout): Promise<RunAs | null> {
  const owner = await ownerOf(layout.cluster);
  if (!isRoot()) {
    const uid = process.getuid?.();
    if (owner !== null && uid !== undefined && owner.uid !== uid) {
      throw new DatabaseStartError(
        'data_dir_unusable',
        `\`${layout.cluster}\` belongs to uid ${owner.uid}, not to this user (uid ${uid}); start as the user who started it before, or hand it over with chown -R`,
      );
    }
    return null;
  }
  return owner === null || owner.uid === 0 ? unusedUser() : owner;
}

async function ownerOf(path: string): Promise<RunAs | null> {
  try {
    const { uid, gid } = await stat(path);
    return { uid, gid };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function unusedUser(): RunAs {
  let taken = new Set<number>();
  try {
    taken = new Set(
      readFileSync('/etc/passwd', 'utf8')
        .split('\n')
        .map((line) => Number(line.split(':')[2])),
    );
  } catch {
    // No user list: then nobody has taken the uid either.
  }
  let uid = dedicatedUid;
  while (taken.has(uid)) uid += 1;
  return { uid, gid: uid };
}
