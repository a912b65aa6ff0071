import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { workFolder } from '../cli/cli.testkit.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly name?: string; readonly run?: string }[] }>
  >;
}

const scripts = new Map(
  ['policy-plan', 'policy-apply', 'policy-drift'].flatMap((name) => {
    const { jobs } = parse(readFileSync(join(root, `examples/git/workflows/${name}.yml`), 'utf8')) as Workflow;
    return Object.values(jobs).flatMap(({ steps }) =>
      steps.flatMap(({ name: step, run }): [string, string][] => (step && run ? [[step, run]] : [])),
    );
  }),
);

const folder = workFolder();
let server: TestServer;
let keys: { viewer: string; apply: string; ann: string; bob: string };

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: folder.path });

/** A step as the runner runs it, with the key that the workflow gives it. */
async function step(name: string, key: string): Promise<{ code: number; stdout: string }> {
  const script = scripts.get(name);
  if (script === undefined) throw new Error(`no workflow has a step ${name}`);
  const env = {
    HOME: process.env.HOME ?? '',
    PATH: `${folder.path}/bin:${process.env.PATH ?? ''}`,
    GIT_CONFIG_GLOBAL: '/dev/null',
    POLICY_STUDIO_URL: server.url,
    POLICY_STUDIO_TOKEN: key,
    GITHUB_STEP_SUMMARY: join(folder.path, 'summary.md'),
  };
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script],
      { cwd: folder.path, env },
      (error, stdout) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout });
      },
    );
  });
}

beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict', config: { fourEyesDefault: true } });
  keys = {
    viewer: await server.createKey('viewer'),
    apply: await server.createKey('admin', { owner: 'pipeline' }),
    ann: await server.createKey('approver', { owner: 'ann' }),
    bob: await server.createKey('approver', { owner: 'bob' }),
  };
  cpSync(join(root, 'examples/git/policies'), join(folder.path, 'policies'), { recursive: true });
  mkdirSync(join(folder.path, 'bin'));
  const command = `exec '${process.execPath}' --conditions=source --import '${import.meta.resolve('tsx')}' '${join(root, 'packages/cli/src/main.ts')}' "$@"`;
  writeFileSync(join(folder.path, 'bin/policy-studio'), `#!/bin/sh\n${command}\n`);
  chmodSync(join(folder.path, 'bin/policy-studio'), 0o755);
  git('init', '--quiet');
  git('add', 'policies');
  git('commit', '--quiet', '--message', 'First rules');
});
afterAll(() => server.close());

// One story, told in order: each step stands on the ones before.
describe('the example of policies in Git', () => {
  it('is sound, and a pull request shows what it would change', async () => {
    expect((await step('Test', keys.viewer)).code).toBe(0);
    const plan = await step('Plan', keys.viewer);
    expect(plan.code).toBe(0);
    expect(plan.stdout).toContain(
      '::notice file=policies/bundles/support.yaml,title=policy-studio out-of-step::`bundle:1.0.0`: create\n',
    );
    expect(plan.stdout).not.toMatch(/^::(error|warning)/m);
    expect(readFileSync(join(folder.path, 'summary.md'), 'utf8')).toMatch(/^```\n\+ create {3}agent:support\.mail\n/);
  }, 180_000);

  it('makes drafts when it is merged, and asks for what takes people', async () => {
    expect((await step('Drift', keys.viewer)).code).toBe(1);
    expect((await step('Apply and ask', keys.apply)).code).toBe(0);
    const { approvals } = (await server.call('listApprovals')).body;
    expect(approvals.map(({ kind, status }) => `${kind} ${status}`).sort()).toEqual([
      'activation pending',
      'settings pending',
    ]);
    expect(approvals[0]?.justification).toMatch(/^First rules \([0-9a-f]{7,}\)$/);
    expect((await step('Activate what was approved', keys.apply)).code).toBe(0);
    expect((await server.call('getActiveBundle')).status).toBe(404);
  }, 180_000);

  it('comes into force when they have approved, and is in step then', async () => {
    // Refunds are of high risk, so that takes two.
    for (const token of [keys.ann, keys.bob]) {
      const { approvals } = (await server.call('listApprovals', { query: { status: 'pending' } })).body;
      for (const { id } of approvals) await server.call('approve', { params: { id }, token });
    }
    expect((await step('Activate what was approved', keys.apply)).code).toBe(0);
    expect((await server.call('getActiveBundle')).body.version).toBe('1.0.0');
    expect((await server.call('getSettings')).body.gates).toMatchObject({ max_error_rate: 0.02, min_sample_size: 200 });
    expect(await step('Drift', keys.viewer)).toEqual({ code: 0, stdout: '' });
  }, 180_000);
});
