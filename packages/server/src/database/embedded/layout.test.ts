import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFolder } from './layout.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-studio-layout-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a folder that is to be there', () => {
  it('is made with those above it, for its owner alone', async () => {
    const path = join(folder, 'a', 'b', 'c');
    await createFolder(path);
    await createFolder(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it.runIf(process.platform === 'linux')('is refused, not tried for ever, where none can be made', async () => {
    await expect(createFolder('/proc/policy-studio/data')).rejects.toThrow(
      '`/proc/policy-studio` cannot be made there; set DATA_DIR to a folder that can be written',
    );
  });

  it('is refused where a link leads nowhere', async () => {
    symlinkSync(join(folder, 'absent'), join(folder, 'link'));
    await expect(createFolder(join(folder, 'link'))).rejects.toMatchObject({ code: 'EEXIST' });
  });
});
