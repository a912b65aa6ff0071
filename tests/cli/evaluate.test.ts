import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { launch, request, rulesYaml, run, workFolder } from './cli.testkit.js';

const folder = workFolder();
folder.write('rules.yaml', rulesYaml);
folder.write('request.json', JSON.stringify(request));
const inFolder = { cwd: folder.path };
const args = ['evaluate', '--rules', 'rules.yaml', '--request', 'request.json'];
const evaluate = (...more: string[]) => run([...args, ...more], inFolder);

describe('evaluate', () => {
  it('prints the effect, the rule and the reason, and ends well whatever the effect', async () => {
    const { code, stdout, stderr } = await launch(args, inFolder);
    expect(stdout).toMatch(/^deny\nrule +deny-new-domains\nreason +New domains are looked at by people\n/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
  });

  it('exits with 1 for any effect but allow when it is asked to', async () => {
    expect((await launch([...args, '--exit-code'], inFolder)).code).toBe(1);
    const known = JSON.stringify({ ...request, context: { risk_score: 95, domain_seen_days: 300 } });
    const allowed = await run(['evaluate', '--rules', 'rules.yaml', '--request', '-', '--exit-code'], {
      ...inFolder,
      input: known,
    });
    expect(allowed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^allow\n/) });
  });

  it('explains every candidate, every condition and the value it saw', async () => {
    const input = JSON.stringify({ ...request, context: { risk_score: '95', domain_seen_days: 300 } });
    const { stdout } = await run(['evaluate', '--rules', 'rules.yaml', '--request', '-', '--explain'], {
      ...inFolder,
      input,
    });
    expect(stdout).toMatch(/^deny\nrule +none\n/);
    expect(stdout).toContain('2 candidate rules, in decision order');
    expect(stdout).toMatch(/deny-new-domains {2}deny {2}priority 80 {2}does not match\n {2}all: does not hold\n/);
    expect(stdout).toMatch(/missing +confidence > 0.5\n/);
    expect(stdout).toMatch(/not met +domain_seen_days < 30 +\(is 300\)\n/);
    expect(stdout).toMatch(/mismatch +risk_score >= 85 +\(is "95"\)\n/);
    expect(stdout).toMatch(/error +type_mismatch: allow-risky: `risk_score >=`\n/);
  });

  it('prints the decision as JSON, with the trace on demand', async () => {
    const plain = JSON.parse((await evaluate('--json')).stdout);
    expect(plain).toMatchObject({ effect: 'deny', matched_rule: 'deny-new-domains', default: false, errors: [] });
    expect(plain).not.toHaveProperty('trace');
    const explained = JSON.parse((await evaluate('--json', '--explain')).stdout);
    expect(explained.trace.map((candidate: { winner: boolean }) => candidate.winner)).toEqual([true, false]);
  });

  it('takes lists, the default effect and the time as given', async () => {
    folder.write(
      'listed.json',
      JSON.stringify([
        {
          id: 'allow-vips-by-day',
          agent: '*',
          action: '*',
          effect: 'allow',
          reason: 'Known senders pass by day',
          conditions: { sender: { list: 'vips' }, '<current_hour': 20 },
        },
      ]),
    );
    folder.write('lists.yaml', 'vips: { values: [ada@example.com], normalize: email }\n');
    folder.write('sender.yml', 'agent: inbox.triage\naction: reply\ncontext: { sender: ADA@example.com }\n');
    const listed = ['evaluate', '--rules', 'listed.json', '--request', 'sender.yml', '--lists', 'lists.yaml'];
    const effectOf = async (...more: string[]) => (await run([...listed, ...more], inFolder)).stdout.split('\n')[0];
    expect(await effectOf('--now', '2026-03-02T12:00:00Z')).toBe('allow');
    expect(await effectOf('--now', '2026-03-02T12:00:00Z', '--time-zone', 'Asia/Tokyo')).toBe('deny');
    expect(await effectOf('--now', '2026-03-02T23:00:00Z', '--default-effect', 'needs_approval')).toBe(
      'needs_approval',
    );
    const without = await run(listed.slice(0, 5), inFolder);
    expect(without).toMatchObject({ code: 1, stdout: '' });
    expect(without.stderr).toContain('vips');
  });

  it('keeps facts that the request sets, unless told to discard them', async () => {
    folder.write(
      'night.yaml',
      '- {id: allow-by-night, agent: "*", action: "*", effect: allow, reason: Quiet hours, conditions: {current_hour: 3}}\n',
    );
    const input = JSON.stringify({ ...request, context: { current_hour: 3 } });
    const nightly = ['evaluate', '--rules', 'night.yaml', '--request', '-', '--now', '2026-03-02T12:00:00Z'];
    expect((await run(nightly, { ...inFolder, input })).stdout).toMatch(/^allow\n/);
    const live = await run([...nightly, '--discard-facts'], { ...inFolder, input });
    expect(live.stdout).toMatch(/^deny\n/);
    expect(live.stdout).toMatch(/note +facts_discarded/);
  });

  it('cannot be made to drive the terminal by what it prints', async () => {
    const context = { risk_score: '\u001b[2J\u009b31m\u202e' };
    const input = JSON.stringify({ ...request, context });
    const { stdout } = await run(['evaluate', '--rules', 'rules.yaml', '--request', '-', '--explain'], {
      ...inFolder,
      input,
    });
    expect(stdout).toContain('\\u001b[2J\\u009b31m\\u202e');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});

describe('rules that are wrong', () => {
  it('are shown at their line and column, with the line itself', async () => {
    folder.write(
      'wrong.yaml',
      rulesYaml.replace('">=risk_score"', '"=>risk_score"').replace('agent: inbox.*', 'agnet: x'),
    );
    const { code, stdout, stderr } = await run(
      ['evaluate', '--rules', 'wrong.yaml', '--request', 'request.json'],
      inFolder,
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('wrong.yaml:6:5 error invalid-rule');
    expect(stderr).toContain('  6 |     agnet: x\n    |     ^\n');
    expect(stderr).toMatch(/wrong\.yaml:26:7 error invalid-condition .*`=>`/);
    expect(stderr).toMatch(/\d findings\n$/);
  });

  it('are shown at their place in JSON too, where a key stands twice', async () => {
    folder.write('twice.json', '[{"id": "abc", "agent": "*", "action": "*",\n  "effect": "deny", "effect": "allow"}]');
    const { code, stderr } = await run(['evaluate', '--rules', 'twice.json', '--request', 'request.json'], inFolder);
    expect(code).toBe(1);
    expect(stderr).toContain('twice.json:2:21 error invalid-source');
  });

  it('are counted beyond the first twenty', async () => {
    folder.write('many.json', JSON.stringify(Array.from({ length: 50 }, () => ({ effect: 'no' }))));
    const { stderr } = await run(['evaluate', '--rules', 'many.json', '--request', 'request.json'], inFolder);
    expect(stderr.match(/many\.json:1:/g)).toHaveLength(20);
    expect(stderr).toMatch(/\d+ findings, \d+ not shown\n$/);
  });
});

describe('input that cannot be used', () => {
  folder.write('empty.json', ' \n');
  folder.write('rules.txt', rulesYaml);
  folder.write('packed.json', gzipSync('{}'));
  folder.write('latin.json', Buffer.from('{"agent": "\xfc"}', 'latin1'));
  folder.write('cut.json', '{"agent": "a",\n "action": ');
  folder.write('several.json', '[]');
  folder.write('huge-number.json', '{"agent": "a", "action": "b", "context": {"n": 1e999}}');
  folder.write('odd.yaml', 'agent: a\nagent: b\n');
  folder.write('twice-asked.json', '{"agent": "a",\n "agent": "b", "action": "c", "context": {}}');

  it.each([
    ['a missing file', 'missing.json', 'error: missing.json: there is no such file or folder\n'],
    ['a folder', '.', 'error: .: is a directory, not a file\n'],
    ['an empty file', 'empty.json', 'error: empty.json: is empty\n'],
    [
      'a file of another kind',
      'rules.txt',
      'error: rules.txt: the name must end in .json, .yaml or .yml, so that its format is known; or give it as -, standard input\n',
    ],
    ['a compressed file', 'packed.json', 'error: packed.json: is compressed (gzip); unpack it first\n'],
    ['text that is not UTF-8', 'latin.json', 'error: latin.json: is not UTF-8 text\n'],
    [
      'JSON that is cut off',
      'cut.json',
      'error: cut.json:2:12: a value is missing here: remove the comma, or add the value\n',
    ],
    [
      'several requests',
      'several.json',
      'error: several.json: holds several requests; evaluate takes one, `replay` takes one a line\n',
    ],
    [
      'a number that is not finite',
      'huge-number.json',
      'error: huge-number.json: `/context/n` is the number Infinity, which JSON cannot carry\n',
    ],
    [
      'a key that stands twice',
      'twice-asked.json',
      'error: twice-asked.json:2:2: the key `agent` stands twice in this object: keep one\n',
    ],
    ['a key that stands twice in YAML', 'odd.yaml', 'error: odd.yaml:2:1: map keys must be unique\n'],
  ])('%s is one clear line and exit code 2', async (_, name, message) => {
    const result = await run(['evaluate', '--rules', 'rules.yaml', '--request', name], inFolder);
    expect(result).toEqual({ code: 2, stdout: '', stderr: message });
  });

  it('a byte order mark and Windows line ends do no harm', async () => {
    folder.write('windows.yaml', `\uFEFF${rulesYaml.replaceAll('\n', '\r\n')}`);
    folder.write('windows.json', `\uFEFF${JSON.stringify(request, null, 2).replaceAll('\n', '\r\n')}`);
    const result = await run(['evaluate', '--rules', 'windows.yaml', '--request', 'windows.json'], inFolder);
    expect(result).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^deny\n/) });
  });
});

describe('the command line', () => {
  it.each([
    [['evaluate', '--rules', 'rules.yaml'], "required option '--request <file>' not specified"],
    [['evaluate', '--rules', '-', '--request', '-'], 'only one of --rules and --request can be -'],
    [['evaluate', '--default-effect', 'maybe'], 'Allowed choices are allow, deny, needs_approval'],
    [['evaluate', '--now', 'noon'], 'write it like 2026-03-01T09:30:00Z'],
    [['evaluate', '--time-zone', '+01:00'], 'use an IANA name such as Europe/Madrid'],
    [['evaluate', '--rules', '', '--request', 'request.json'], 'error: (no name): there is no such file'],
    [['replay', 'calls.jsonl', '--rules', 'rules.yaml', '--group-by', 'a..b'], 'the names of members, joined by dots'],
    [['evalute'], "unknown command 'evalute'"],
    [['bundles', 'push'], "missing required argument 'file'"],
    [['approvals', 'approve', 'one'], 'an id must be a whole number from 1 to 2147483647'],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await run(args, inFolder);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('points to the help of the command that was mistyped', async () => {
    const advice = '(--help says what is possible)\n';
    for (const args of [['evalute'], ['evaluate'], ['bundles', 'push']]) {
      expect(await run(args)).toMatchObject({ code: 2, stderr: expect.stringContaining(advice) });
    }
  });

  it('tells its version, and what its exit codes mean in the help of every command', async () => {
    expect(await launch(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
    for (const args of [['--help'], ['evaluate', '--help'], ['bundles', 'push', '--help']]) {
      const { code, stdout } = await run(args);
      expect(code).toBe(0);
      expect(stdout).toContain('3  the server cannot be reached, or refused');
    }
  });
});
