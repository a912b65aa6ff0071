import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const checkout = mkdtempSync(join(tmpdir(), 'policy-studio-checkout-'));
cpSync(fileURLToPath(new URL('../../scripts', import.meta.url)), join(checkout, 'scripts'), { recursive: true });
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

const advice = 'the packages are not installed: run `npm install` first\n';

it.each([
  ['start.mjs', advice],
  ['build.mjs', advice],
  ['test.mjs', `${advice}0 passed, 1 failed\n`],
])('%s of a checkout without packages says only what to do', (script, said) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(checkout, 'scripts', script)], {
    encoding: 'utf8',
  });
  expect({ status, said: stdout + stderr }).toEqual({ status: 1, said });
});
