import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { workFolder } from './cli.testkit.js';
import { readAnnotations, readSarif, readXml } from './formats.testkit.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Step {
  readonly name?: string;
  readonly run?: string;
}

const workflow = parse(readFileSync(join(root, 'examples/ci/policy.yml'), 'utf8')) as {
  readonly jobs: { readonly check: { readonly steps: readonly Step[] } };
};
const scripts = new Map(workflow.jobs.check.steps.flatMap(({ name, run }) => (name && run ? [[name, run]] : [])));

const folder = workFolder();
const rules = join(folder.path, 'policies/recommended.yaml');

/** A step as the runner runs it. */
async function step(name: string): Promise<{ code: number; stdout: string }> {
  const script = scripts.get(name);
  if (script === undefined) throw new Error(`the workflow has no step ${name}`);
  const { HOME = '', PATH = '' } = process.env;
  const env = {
    HOME,
    PATH: `${folder.path}/bin:${PATH}`,
    GITHUB_BASE_REF: 'main',
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

const written = (name: string) => readFileSync(join(folder.path, name), 'utf8');

beforeAll(() => {
  mkdirSync(join(folder.path, 'policies'));
  mkdirSync(join(folder.path, 'bin'));
  for (const name of ['recommended.yaml', 'recommended.policytest.yaml']) {
    cpSync(join(root, 'examples/tool-agents', name), join(folder.path, 'policies', name));
  }
  const command = `exec '${process.execPath}' --conditions=source --import '${import.meta.resolve('tsx')}' '${join(root, 'packages/cli/src/main.ts')}' "$@"`;
  writeFileSync(join(folder.path, 'bin/policy-studio'), `#!/bin/sh\n${command}\n`);
  chmodSync(join(folder.path, 'bin/policy-studio'), 0o755);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: folder.path });
  git('init', '--quiet');
  git('add', 'policies');
  git('commit', '--quiet', '--message', 'rules');
  git('update-ref', 'refs/remotes/origin/main', 'HEAD');
});

describe('the example workflow for CI', () => {
  it('passes on sound rules, and writes what GitHub reads', async () => {
    expect(await step('Formatted')).toEqual({ code: 0, stdout: '' });
    expect((await step('Lint')).code).toBe(0);
    expect((await step('Lint, for code scanning')).code).toBe(0);
    expect(readSarif(written('lint.sarif')).version).toBe('2.1.0');
    expect((await step('Test')).code).toBe(0);
    expect(readXml(written('policy-tests.xml')).attributes).toMatchObject({ tests: '15', failures: '0' });
    expect((await step('What changes')).code).toBe(0);
  }, 60_000);

  it('fails where the rules are broken, at their lines, and still writes the file for code scanning', async () => {
    const sound = readFileSync(rules, 'utf8');
    writeFileSync(rules, sound.replace('effect: deny', 'effect: denny'));
    const lint = await step('Lint');
    expect(lint.code).toBe(1);
    const line = sound.split('\n').findIndex((text) => text.includes('effect: deny')) + 1;
    expect(readAnnotations(lint.stdout)).toMatchObject([
      { command: 'error', properties: { file: 'policies/recommended.yaml', line: `${line}` } },
    ]);
    expect((await step('Lint, for code scanning')).code).toBe(0);
    const { results } = readSarif(written('lint.sarif')).runs[0];
    expect(results.filter(({ level }) => level === 'error').map(({ ruleId }) => ruleId)).toEqual(['invalid-rule']);
    expect((await step('Test')).code).toBe(1);
    await step('What changes');
    expect(written('summary.md')).toMatch(/^```\npolicies\/recommended\.yaml:\d+:5 error invalid-rule /);
    writeFileSync(rules, sound);
  }, 60_000);

  it('puts what a pull request changes into its summary, and lets it pass', async () => {
    writeFileSync(rules, readFileSync(rules, 'utf8').replace('">=amount": 5000', '">=amount": 100000'));
    expect((await step('What changes')).code).toBe(0);
    expect(written('summary.md')).toMatch(
      /^```\nbefore\.yaml → policies\/recommended\.yaml\n\d+ kinds? of requests .*:\n {2}looser /m,
    );
    expect((await step('Test')).code).toBe(1);
  }, 60_000);
});
