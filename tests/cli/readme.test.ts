import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, name, body]) => (name === language ? [body ?? ''] : []));

let server: TestServer;
// Inside the repository, so that the script finds the SDK.
let folder: string;
beforeAll(async () => {
  // `npx policy-studio` is the built command.
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')]);
  server = await startTestServer();
  folder = mkdtempSync(join(root, 'tests/cli/.readme-'));
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
  rmSync(join(root, 'broken.yaml'), { force: true });
});

it('the commands of the README do what it says, from the first draft to the last check', async () => {
  const here = (text: string) => text.replaceAll('http://127.0.0.1:8080', server.url);
  const script = join(folder, 'ask.mjs');
  const [example = '', ...others] = blocks('js');
  expect(others).toEqual([]);
  writeFileSync(script, here(example));
  const [run = '', ...steps] = blocks('sh');
  expect(run).toContain('npm start');
  const commands = here(steps.join(''))
    .replace('$(cat data/admin-token)', server.adminToken)
    .replace('node ask.mjs', `node ${relative(root, script)}`);
  const { stdout } = await promisify(execFile)('sh', ['-ec', commands], { cwd: root });

  const lines = stdout.split('\n');
  expect(lines.slice(0, 5).map((line) => JSON.parse(line))).toMatchObject([
    { version: '1.0.0', status: 'draft', lint: { errors: [] } },
    { id: 1, status: 'pending' },
    { id: 1, status: 'approved' },
    { version: '1.0.0', status: 'active', traffic_pct: 100 },
    { effect: 'allow', matched_rule: 'quarantine-risky' },
  ]);
  expect(lines[5]).toBe('needs_approval: a known sender: ask a person');
  expect(lines.slice(6, 9)).toEqual([
    expect.stringMatching(/^at +id +effect/),
    expect.stringMatching(/ needs_approval +inbox\.triage +quarantine +ask-for-known-senders +1\.0\.0$/),
    expect.stringMatching(/ allow +inbox\.triage +quarantine +quarantine-risky +1\.0\.0$/),
  ]);
  expect(lines[9]).toBe('needs_approval');
  expect(stdout).toMatch(/^11 calls in /m);
  expect(stdout).toMatch(/^5 files, 20 rules: 5 info, 6 answered in lint_ignore$/m);
  expect(stdout).toMatch(/^1 suite, 14 cases: 14 passed$/m);
  expect(stdout).toMatch(
    /^ {2}looser {3}any agent, any action: some requests that were put to a person are now allowed$/m,
  );
  expect(stdout).toMatch(/^standard input:25:7 error invalid-condition unknown operator `=>`, did you mean `>=`\?$/m);
  expect(stdout).toMatch(/^\d+ of 1,000 cases changed from /m);
  expect(stdout).toMatch(/^Changes noticed: \d+ of \d+ \(\d+\.\d %\)/m);
  expect(stdout).toMatch(/^No case notices these:$/m);
}, 120_000);
