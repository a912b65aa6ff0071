import { mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '@policy-studio/engine';
import type { InForce } from './in-force.js';

/** Last good snapshots on disk, for workspaces that are not in memory when the database goes away. */
export interface DiskCopy {
  /** Replaces the copy of the workspace, whole or not at all. */
  write(source: InForce, confirmedMs: number): Promise<void>;
  /** Notes that the copy was still right at that time. */
  confirm(workspaceId: number, confirmedMs: number): Promise<void>;
  /** The copy and when it was last known to be right; null when there is none that can be trusted. */
  read(workspaceId: number): Promise<{ source: InForce; confirmedMs: number } | null>;
  remove(workspaceId: number): Promise<void>;
}

/** 2: with the catalog. 3: with rollouts. 4: with pinned bundles. 5: with caps. */
const format = 5;

/**
 * Keeps one file a workspace in `folder`, mode 0600: a line with a checksum, then the snapshot as JSON. The time of the
 * last confirmation is the file's modification time.
 */
export function createDiskCopy(folder: string): DiskCopy {
  const fileOf = (workspaceId: number): string => join(folder, `workspace-${workspaceId}.json`);

  return {
    async write(source, confirmedMs) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const body = JSON.stringify({ format, source });
      const file = fileOf(source.workspaceId);
      const unfinished = `${file}.${process.pid}.unfinished`;
      const handle = await open(unfinished, 'w', 0o600);
      try {
        await handle.writeFile(`${sha256Hex(body)}\n${body}`);
        await handle.utimes(confirmedMs / 1000, confirmedMs / 1000);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(unfinished, file);
    },

    async confirm(workspaceId, confirmedMs) {
      await utimes(fileOf(workspaceId), confirmedMs / 1000, confirmedMs / 1000).catch(ignoreAbsence);
    },

    async read(workspaceId) {
      const file = fileOf(workspaceId);
      try {
        const [text, { mtimeMs }] = [await readFile(file, 'utf8'), await stat(file)];
        const end = text.indexOf('\n');
        const body = text.slice(end + 1);
        if (sha256Hex(body) !== text.slice(0, end)) return null;
        const copy = JSON.parse(body) as { format: number; source: InForce };
        const right = copy.format === format && copy.source.workspaceId === workspaceId;
        return right ? { source: copy.source, confirmedMs: Math.round(mtimeMs) } : null;
      } catch (error) {
        ignoreAbsence(error);
        return null;
      }
    },

    async remove(workspaceId) {
      await rm(fileOf(workspaceId), { force: true });
    },
  };
}

function ignoreAbsence(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
