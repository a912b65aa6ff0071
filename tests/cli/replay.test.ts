import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { finished, launch, request, rulesYaml, run, start, workFolder } from './cli.testkit.js';

const folder = workFolder();
folder.write('rules.yaml', rulesYaml);
folder.write('loose.yaml', rulesYaml.replace('effect: deny', 'effect: allow'));
const inFolder = { cwd: folder.path };
const line = (caseId: string, context: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  JSON.stringify({ case_id: caseId, ...request, ...more, context });

const recording = [
  line('new', { risk_score: 95, domain_seen_days: 5, confidence: 0.9, team: 'a' }),
  line('known', { risk_score: 95, domain_seen_days: 500, team: 'a' }),
  line('low', { risk_score: 5, team: 'b' }),
  line('text', { risk_score: '95' }),
  line('ask', { team: 'b' }, { action: 'escalate' }),
].join('\n');
folder.write('calls.jsonl', `${recording}\n`);
const replay = (file: string, ...args: string[]) => run(['replay', file, '--rules', 'rules.yaml', ...args], inFolder);

describe('replay', () => {
  it('counts what became of every call', async () => {
    const { code, stdout, stderr } = await launch(['replay', 'calls.jsonl', '--rules', 'rules.yaml'], inFolder);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^5 calls in /);
    for (const row of [
      /^allow +1 +20\.0 %$/m,
      /^deny +1 +20\.0 %$/m,
      /^needs_approval +1 /m,
      /^no match \(deny\) +2 +40\.0 %$/m,
    ]) {
      expect(stdout).toMatch(row);
    }
    expect(stdout).toMatch(/^calls with a type mismatch +1 /m);
  });

  it('reports the same as JSON', async () => {
    const report = JSON.parse((await replay('calls.jsonl', '--json', '--group-by', 'context.team')).stdout);
    const { counts } = report.policies[0];
    expect(counts).toEqual({
      calls: 5,
      allow: 1,
      deny: 1,
      needs_approval: 1,
      no_match: 2,
      type_mismatches: 1,
      calls_with_mismatch: 1,
      work_exhausted: 0,
    });
    expect(
      report.groups.map(({ value, counts: [of] }: { value: string; counts: [{ calls: number }] }) => [value, of.calls]),
    ).toEqual([
      ['a', 2],
      ['b', 2],
      ['(none)', 1],
    ]);
    expect(report).toMatchObject({ calls: 5, lines: 5, bad_lines: { count: 0, first: [] }, comparison: null });
  });

  it('shows what another bundle would decide otherwise', async () => {
    const { code, stdout } = await replay('calls.jsonl', '--compare', 'loose.yaml');
    expect(code).toBe(0);
    expect(stdout).toContain('1 of 5 calls changed (20.0 %) from rules.yaml to loose.yaml');
    expect(stdout).toMatch(/^deny +1 +2 +0$/m);
    expect(stdout).toMatch(/^new +inbox\.triage quarantine +deny \(deny-new-domains\) → allow \(deny-new-domains\)$/m);
    const { comparison } = JSON.parse((await replay('calls.jsonl', '--compare', 'loose.yaml', '--json')).stdout);
    expect(comparison.changed).toBe(1);
    expect(comparison.transitions.reduce((sum: number, one: { count: number }) => sum + one.count, 0)).toBe(5);
  });

  it.each([
    ['gzip, under any name', gzipSync(`${recording}\n`)],
    [
      'gzip in several members',
      Buffer.concat([gzipSync(`${recording.slice(0, 200)}`), gzipSync(recording.slice(200))]),
    ],
    ['Windows line ends and a byte order mark', Buffer.from(`\uFEFF${recording.replaceAll('\n', '\r\n')}`)],
    ['no line end at the end, and empty lines', Buffer.from(`\n${recording.replace('\n', '\n\n  \n')}`)],
  ])('reads %s', async (_, content) => {
    folder.write('other.jsonl', content);
    const { code, stdout, stderr } = await replay('other.jsonl', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout).policies[0].counts).toMatchObject({ calls: 5, allow: 1, deny: 1 });
  });

  it('reads standard input, compressed or not', async () => {
    for (const input of [recording, gzipSync(recording)]) {
      const { stdout } = await launch(['replay', '-', '--rules', 'rules.yaml'], { ...inFolder, input });
      expect(stdout).toMatch(/^5 calls in /);
    }
  });

  it('skips bad lines, names them, and exits with 1', async () => {
    const lines = ['{bad', recording, '[1]', '{"agent": "a", "action": "b"}', '"text"', '{"agent": 1}'];
    folder.write('some.jsonl', lines.join('\n'));
    const { code, stdout, stderr } = await launch(['replay', 'some.jsonl', '--rules', 'rules.yaml'], inFolder);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^5 calls in .*, 5 bad lines$/m);
    expect(stderr).toMatch(/^some\.jsonl:1: not JSON: /m);
    for (const number of [7, 8, 9, 10]) expect(stderr).toContain(`some.jsonl:${number}: `);
    expect(stderr).toMatch(/\n5 bad lines\n$/);
  });

  it('names the first twenty of many bad lines', async () => {
    folder.write('mostly-bad.jsonl', `${recording}\n${'{\n'.repeat(500)}`);
    const { stderr } = await replay('mostly-bad.jsonl');
    expect(stderr.match(/^mostly-bad\.jsonl:/gm)).toHaveLength(20);
    expect(stderr).toMatch(/500 bad lines, 480 not shown\n$/);
  });

  it('decides a call that a server would refuse, and says so', async () => {
    folder.write(
      'odd.jsonl',
      `${recording}\n${line('odd', {}, { action: '<nothing>' })}\n${line('big', { n: 'REPLACED' }).replace('"REPLACED"', '1e999')}`,
    );
    const { code, stdout } = await replay('odd.jsonl');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^7 calls in /);
    expect(stdout).toContain(
      'note 2 calls decided here would be refused by a server, the first in line 6: `action` must be',
    );
  });

  it('says when rules read facts that were not recorded', async () => {
    folder.write(
      'hours.json',
      JSON.stringify([{ id: 'by-day', agent: '*', action: '*', effect: 'allow', conditions: { '>current_hour': 7 } }]),
    );
    const { stdout } = await run(['replay', 'calls.jsonl', '--rules', 'hours.json'], inFolder);
    expect(stdout).toContain('note rules read the fact `current_hour`, which 5 calls did not record: not met');
    folder.write('with-hours.jsonl', line('day', { current_hour: 12 }));
    expect((await run(['replay', 'with-hours.jsonl', '--rules', 'hours.json', '--json'], inFolder)).stdout).toContain(
      '"allow": 1',
    );
  });

  it('keeps a bounded number of groups', async () => {
    const calls = Array.from({ length: 1500 }, (_, index) => line(`case-${index}`, {}));
    folder.write('many.jsonl', calls.join('\n'));
    const { groups } = JSON.parse((await replay('many.jsonl', '--group-by', 'case_id', '--json')).stdout);
    expect(groups).toHaveLength(1001);
    expect(groups[0]).toMatchObject({ value: '(others)', counts: [{ calls: 500 }] });
  });
});

describe('recordings that cannot be used', () => {
  folder.write('empty.jsonl', '');
  folder.write('blank.jsonl', '\n\n');
  folder.write('array.json', JSON.stringify([request]));
  folder.write('cut.jsonl.gz', gzipSync(recording.repeat(50)).subarray(0, 200));
  folder.write('damaged.jsonl.gz', Buffer.concat([gzipSync('').subarray(0, 10), Buffer.alloc(100, 0xff)]));

  it.each([
    ['missing.jsonl', 'error: missing.jsonl: there is no such file or folder\n'],
    ['.', 'error: .: is a directory, not a file\n'],
    ['empty.jsonl', 'error: empty.jsonl: holds no requests\n'],
    ['blank.jsonl', 'error: blank.jsonl: holds no requests\n'],
    ['cut.jsonl.gz', 'error: cut.jsonl.gz: the compressed data ends early; the file is cut off\n'],
    ['damaged.jsonl.gz', 'error: damaged.jsonl.gz: the compressed data is damaged\n'],
    [
      'array.json',
      'error: array.json: no line is a request (1 read): line 1: not a request: an object with `agent`, `action` and `context`; write one JSON object a line\n',
    ],
  ])('%s is one clear line and exit code 2', async (name, message) => {
    expect(await replay(name)).toEqual({ code: 2, stdout: '', stderr: message });
  });
});

describe('the process', () => {
  it('is quiet when its reader leaves', async () => {
    const child = start(['replay', 'calls.jsonl', '--rules', 'rules.yaml', '--json'], inFolder);
    child.stdin?.end();
    child.stdout?.destroy();
    const { code, stderr } = await finished(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('ends on Ctrl-C without a word', async () => {
    const child = start(['replay', '-', '--rules', 'rules.yaml'], inFolder);
    const end = finished(child);
    // More than a pipe holds: it is written once the command reads.
    await new Promise((resolve) => child.stdin?.write(`${recording}\n`.repeat(1000), resolve));
    child.kill('SIGINT');
    expect(await end).toEqual({ code: 130, stdout: '', stderr: '' });
  });
});

const data = process.env.POLICY_STUDIO_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));
const real = join(data, 'agentdojo-dev.jsonl.gz');
const present = existsSync(real);
if (!present) process.stdout.write('skipped: no recorded agent calls here; POLICY_STUDIO_DATA names their folder\n');

describe.skipIf(!present)('89,405 recorded agent calls (POLICY_STUDIO_DATA)', () => {
  it('are replayed whole, in little memory', async () => {
    folder.write(
      'untrusted.yaml',
      `- id: deny-acts-after-untrusted-read
  agent: "*"
  action: "*"
  effect: deny
  priority: 80
  reason: An untrusted text was read before, and the target is new
  conditions: { "effect !=": read, prior_untrusted_read: true, target_in_prompt: false, target_known: false }
`,
    );
    const args = [
      'replay',
      real,
      '--rules',
      'untrusted.yaml',
      '--default-effect',
      'allow',
      '--group-by',
      'labels.injected',
      '--json',
    ];
    // A quarter of the unpacked file: it does not fit.
    const { code, stdout } = await launch(args, { ...inFolder, env: { NODE_OPTIONS: '--max-old-space-size=48' } });
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ calls: 89_405, lines: 89_405, bad_lines: { count: 0 }, refusable: { count: 1 } });
    const { counts } = report.policies[0];
    expect(counts.deny + counts.no_match).toBe(89_405);
    const injected = report.groups.find(({ value }: { value: string }) => value === 'true');
    expect(injected.counts[0].calls).toBe(4_929);
  });
});
