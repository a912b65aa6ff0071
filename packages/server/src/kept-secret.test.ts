import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptSecret } from './kept-secret.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-studio-secret-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a kept secret', () => {
  it('is made once, of 256 bits, for its owner alone', async () => {
    const first = await keptSecret(folder, 'token');
    expect(first).toEqual({
      value: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      path: join(folder, 'token'),
      isNew: true,
    });
    expect(statSync(first.path).mode & 0o777).toBe(0o600);
    expect(await keptSecret(folder, 'token')).toEqual({ ...first, isNew: false });
  });

  it('is one, however many servers start at once, and leaves no drafts behind', async () => {
    const kept = await Promise.all(Array.from({ length: 20 }, () => keptSecret(folder, 'token')));
    expect(new Set(kept.map(({ value }) => value)).size).toBe(1);
    expect(kept.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(['token']);
  });

  it('may have been written by hand, and loses rights that others had', async () => {
    const path = join(folder, 'token');
    writeFileSync(path, '  a-token-of-mine-1234 \n');
    chmodSync(path, 0o644);
    expect((await keptSecret(folder, 'token')).value).toBe('a-token-of-mine-1234');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each(['', 'short', 'two words that are long enough'])('that is `%s` is refused and left alone', async (text) => {
    const path = join(folder, 'token');
    writeFileSync(path, text);
    await expect(keptSecret(folder, 'token')).rejects.toThrow(
      /does not hold a secret of 16 or more characters; delete it/,
    );
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('where a folder stands is refused in one line', async () => {
    mkdirSync(join(folder, 'token'));
    await expect(keptSecret(folder, 'token')).rejects.toThrow(/`.*token` does not hold a secret/);
  });

  it('in a folder that is none is one line', async () => {
    mkdirSync(join(folder, 'a'));
    writeFileSync(join(folder, 'a', 'b'), '');
    await expect(keptSecret(join(folder, 'a', 'b'), 'token')).rejects.toThrow(/is not a folder/);
  });
});
