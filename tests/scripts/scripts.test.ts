import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const checkout = mkdtempSync(join(tmpdir(), 'policy-studio-checkout-'));
cpSync(fileURLToPath(new URL('../../scripts', import.meta.url)), join(checkout, 'scripts'), { recursive: true });
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

const { uid } = userInfo();

function run(script: string, options: { readonly node?: readonly string[]; readonly unprivileged?: boolean } = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...(options.node ?? []), join(checkout, 'scripts', script)],
    { encoding: 'utf8', ...(options.unprivileged && uid === 0 ? { uid: 65_534, gid: 65_534 } : {}) },
  );
  return { status, said: stdout + stderr };
}

const advice = 'the packages are not installed: run `npm install` first\n';

it.each([
  ['start.mjs', advice],
  ['build.mjs', advice],
  ['test.mjs', `${advice}0 passed, 1 failed\n`],
])('%s of a checkout without packages says only what to do', (script, said) => {
  expect(run(script)).toEqual({ status: 1, said });
});

it('the command line of a checkout that was never built builds it, and says so when it cannot', () => {
  const bin = join(checkout, 'packages', 'cli', 'bin');
  cpSync(fileURLToPath(new URL('../../packages/cli/bin', import.meta.url)), bin, { recursive: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(bin, 'policy-studio.js'), '--help'], {
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({ status: 3, stdout: '', stderr: advice });
});

it.each([
  ['18.20.8', 'Node 20.19 or newer is needed, this is 18.20.8\n'],
  ['20.18.3', 'Node 20.19 or newer is needed, this is 20.18.3\n'],
  ['20.19.0', advice],
  ['26.0.0', advice],
])('a start under Node %s says when that is too old', (node, said) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } })`;
  expect(run('start.mjs', { node: ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`] })).toEqual({
    status: 1,
    said,
  });
});

it('a start by a user who may not write what must be built says who can', () => {
  for (const name of ['engine', 'contract', 'sdk', 'server', 'cli', 'studio']) {
    for (const folder of name === 'studio' ? ['src', 'build', 'public'] : ['src']) {
      mkdirSync(join(checkout, 'packages', name, folder), { recursive: true });
    }
    for (const file of ['package.json', 'tsconfig.json', 'index.html', 'vite.config.ts']) {
      writeFileSync(join(checkout, 'packages', name, file), '{}');
    }
  }
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.base.json']) {
    writeFileSync(join(checkout, file), '{}');
  }
  mkdirSync(join(checkout, 'node_modules/typescript/bin'), { recursive: true });
  writeFileSync(join(checkout, 'node_modules/typescript/bin/tsc'), '');
  chmodSync(checkout, 0o555);
  const { status, said } = run('start.mjs', { unprivileged: true });
  chmodSync(checkout, 0o755);
  expect(status).toBe(1);
  expect(said).toMatch(/^the sources changed .*: run `npm run build` as the owner of this folder\n$/);
});
