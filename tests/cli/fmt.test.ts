import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rulesYaml, run, workFolder } from './cli.testkit.js';
import { readAnnotations, readXml } from './formats.testkit.js';

const folder = workFolder();
const inFolder = { cwd: folder.path };
const fmt = (...args: string[]) => run(['fmt', ...args], inFolder);
const read = (name: string) => readFileSync(join(folder.path, name), 'utf8');

describe('fmt', () => {
  it('writes the canonical form once, keeps comments, and changes no decision', async () => {
    folder.write('rules.yaml', rulesYaml);
    expect(await fmt('rules.yaml')).toEqual({
      code: 0,
      stdout: 'formatted rules.yaml\n1 file: 1 formatted\n',
      stderr: '',
    });
    const formatted = read('rules.yaml');
    expect(formatted).toMatch(/^# What the assistant may do with mail\.\n/);
    expect(formatted).toContain('<domain_seen_days: 30');
    expect(await run(['diff', '-', 'rules.yaml'], { ...inFolder, input: rulesYaml })).toMatchObject({ code: 0 });
    expect((await fmt('rules.yaml')).stdout).toBe('1 file: 1 unchanged\n');
    expect(read('rules.yaml')).toBe(formatted);
  });

  it('only looks with --check, and says where a file first differs', async () => {
    folder.write('check.yaml', rulesYaml);
    const { code, stdout } = await fmt('check.yaml', '--check');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^check\.yaml:\d+:1 warning not-formatted /);
    expect(stdout).toMatch(/^1 file: 1 not formatted$/m);
    expect(read('check.yaml')).toBe(rulesYaml);
    await fmt('check.yaml');
    expect((await fmt('check.yaml', '--check')).code).toBe(0);
    folder.write('open.yaml', read('check.yaml').trimEnd());
    expect((await fmt('open.yaml', '--check')).code).toBe(1);
  });

  it('leaves a file that is not valid as it is, says why, and formats the others', async () => {
    const broken = rulesYaml.replace('effect: allow', 'effect: alow');
    folder.write('broken.yaml', broken);
    folder.write('fine.json', '[]');
    const { code, stdout } = await fmt('broken.yaml', 'fine.json');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^broken\.yaml:\d+:5 error invalid-rule .*did you mean `allow`\?/);
    expect(stdout).toMatch(/^formatted fine\.json\n2 files: 1 formatted, 1 invalid$/m);
    expect(read('broken.yaml')).toBe(broken);
    expect(read('fine.json')).toBe('[]\n');
  });

  it('prints standard input formatted', async () => {
    const { code, stdout, stderr } = await run(['fmt', '-'], { ...inFolder, input: rulesYaml });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('<domain_seen_days: 30');
    expect((await run(['fmt', '-'], { ...inFolder, input: stdout })).stdout).toBe(stdout);
    const invalid = await run(['fmt', '-'], { ...inFolder, input: 'rules: 1' });
    expect(invalid).toMatchObject({ code: 1, stdout: '' });
    expect(invalid.stderr).toMatch(/^standard input:1:\d+ error invalid-source/);
  });

  it('reports to CI', async () => {
    folder.write('ci.yaml', rulesYaml);
    const as = async (format: string) => (await fmt('ci.yaml', '--check', '--format', format)).stdout;
    expect(JSON.parse(await as('json'))).toMatchObject({
      files: [{ file: 'ci.yaml', state: 'not formatted' }],
      passed: false,
    });
    expect(readXml(await as('junit')).attributes).toMatchObject({ tests: '1', failures: '1' });
    expect(readAnnotations(await as('github'))).toMatchObject([
      { command: 'warning', properties: { file: 'ci.yaml' } },
    ]);
  });
});
