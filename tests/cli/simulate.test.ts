import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rulesYaml, run, workFolder } from './cli.testkit.js';
import { readAnnotations, readSarif, readXml } from './formats.testkit.js';

const folder = workFolder();
const inFolder = { cwd: folder.path };
folder.write('rules.yaml', rulesYaml);
const simulate = (...args: string[]) => run(['simulate', ...args], inFolder);
const asJson = async (...args: string[]) => JSON.parse((await simulate(...args, '--json')).stdout);

describe('simulate', () => {
  it('tells what becomes of the nine fixtures', async () => {
    const { code, stdout, stderr } = await simulate('rules.yaml', '--dataset', 'fixtures');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^rules\.yaml on 9 fixtures$/m);
    expect(stdout).toMatch(/^allow +1 +11\.1 %$/m);
    expect(stdout).toMatch(/^deny +2 +22\.2 %$/m);
    expect(stdout).toMatch(/^needs_approval +1 +11\.1 %$/m);
    expect(stdout).toMatch(/^no match +5 +55\.6 %$/m);
    expect(stdout).toContain('Budgets: 2 USD, 0 compute need approval; 0 USD, 0 compute are allowed\n');
    expect(stdout).toContain('Coverage: 3 of 3 rules decided a case (100.0 %)\n');
    expect(stdout).toMatch(
      /^deny \(deny-new-domains\), such as inbox_high_risk_new_domain:\n {4}\{"agent":"inbox\.triage"/m,
    );
  });

  it('makes up the same cases from the same seed, around what the rules test', async () => {
    const [a, b, other] = [
      await asJson('rules.yaml'),
      await asJson('rules.yaml'),
      await asJson('rules.yaml', '--seed', '7'),
    ];
    expect(a).toEqual(b);
    expect(a.summary.total_cases).toBe(100);
    expect(other.results).not.toEqual(a.results);
    expect(a.coverage.never_hit).toEqual([]);
    expect((await asJson('rules.yaml', '--count', '3')).results).toEqual(a.results.slice(0, 3));
  });

  it.each([
    [
      'cases.json',
      JSON.stringify([{ case_id: 'one', agent: 'inbox.triage', action: 'escalate', expected_effect: 'allow' }]),
      1,
    ],
    ['cases.jsonl', '\n{"case_id":"one","agent":"inbox.triage","action":"escalate","expected_effect":"allow"}\n', 2],
    ['cases.csv', 'case_id,agent,action,risk_score,expected_effect\none,inbox.triage,escalate,5,allow\n', 2],
    ['cases.yaml', 'cases:\n  - {case_id: one, agent: inbox.triage, action: escalate, expected_effect: allow}\n', 2],
  ])('holds the cases of a file to what they expect, and shows where they stand: %s', async (name, text, line) => {
    folder.write(name, text);
    const { code, stdout } = await simulate('rules.yaml', '--dataset', name);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      new RegExp(
        `^${name}:${line}:\\d+ error unexpected-decision .one.: expected .allow., got .needs_approval. by the rule .ask-before-escalating.$`,
        'm',
      ),
    );
    folder.write(name, text.replace('allow', 'needs_approval'));
    expect((await simulate('rules.yaml', '--dataset', name)).code).toBe(0);
  });

  it('fails where the cases cost more than they may', async () => {
    folder.write('calls.csv', `agent,action\n${'inbox.triage,escalate\n'.repeat(3)}`);
    expect((await simulate('rules.yaml', '--dataset', 'calls.csv', '--max-cost', '6')).code).toBe(0);
    const { code, stdout } = await simulate('rules.yaml', '--dataset', 'calls.csv', '--max-cost', '5');
    expect(code).toBe(1);
    expect(stdout).toContain(
      'rules.yaml error limit-breach the cases that need approval come to 6 USD, more than the limit of 5 USD\n',
    );
  });

  it('shows where the cases go with a second bundle', async () => {
    folder.write('looser.yaml', rulesYaml.replace('">=risk_score": 85', '">=risk_score": 20'));
    const { code, stdout } = await simulate('rules.yaml', '--dataset', 'fixtures', '--compare', 'looser.yaml');
    expect(code).toBe(0);
    expect(stdout).toContain('1 of 9 cases changed from rules.yaml to looser.yaml\n');
    expect(stdout).toMatch(/^no match +1 +0 +0 +4$/m);
    expect(stdout).toContain('  inbox_low_risk: no match → allow (allow-risky)\n');
    const { comparison } = await asJson('rules.yaml', '--dataset', 'fixtures', '--compare', 'looser.yaml');
    expect(comparison).toMatchObject({
      file: 'looser.yaml',
      total_changes: 1,
      transitions: { no_match: { allow: 1 } },
    });
  });

  it('offers a case for each change of the rules that no case notices, which then is noticed', async () => {
    const suite = (cases: readonly string[]) =>
      `rules: rules.yaml\ncases:\n${cases.map((one) => `  - ${one}\n`).join('')}`;
    const first =
      '{agent: inbox.triage, action: quarantine, context: {risk_score: 95}, expect: {effect: allow, rule: allow-risky}}';
    folder.write('mail.policytest.yaml', suite([first]));
    const mutate = ['rules.yaml', '--dataset', 'mail.policytest.yaml', '--mutate'];
    const before = await simulate(...mutate);
    expect(before.code).toBe(0);
    expect(before.stdout).toMatch(/^Changes noticed: \d+ of \d+ \(\d+\.\d %\); \d+ changes tried/m);
    expect((await simulate(...mutate, '--min-score', '90')).code).toBe(1);
    expect((await simulate(...mutate, '--min-score', '90')).stdout).toMatch(
      /error low-score the cases notice \d+\.\d % of the changes/,
    );
    const cases = [first];
    for (let round = 0; round < 30; round++) {
      const { stdout } = await simulate(...mutate);
      const [offered] = [...stdout.matchAll(/a case that would notice: (.*)\n/g)].map(([, one]) => one ?? '');
      if (offered === undefined) break;
      cases.push(offered);
      folder.write('mail.policytest.yaml', suite(cases));
      expect(await run(['test', 'mail.policytest.yaml'], inFolder)).toMatchObject({ code: 0 });
    }
    const after = await asJson(...mutate);
    expect(after.mutation).toMatchObject({ survived: [], score: 1 });
    expect((await simulate(...mutate, '--min-score', '100%')).code).toBe(0);
  });

  it('tries each bundle of a folder', async () => {
    mkdirSync(join(folder.path, 'many'));
    folder.write('many/a.yaml', rulesYaml);
    folder.write('many/b.yaml', rulesYaml.replace('cost: 2', 'cost: 2000'));
    const { code, stdout } = await simulate('many', '--dataset', 'fixtures');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^many\/a\.yaml on 9 fixtures$/m);
    expect(stdout).toMatch(/^many\/b\.yaml error limit-breach/m);
    const { files } = await asJson('many', '--dataset', 'fixtures');
    expect(files.map(({ passed }: { passed: boolean }) => passed)).toEqual([true, false]);
    expect(await simulate('many', '--compare', 'rules.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no folder'),
    });
  });

  it('makes cases that a catalog lets through', async () => {
    folder.write(
      'catalog.json',
      JSON.stringify({
        agents: [{ agent: 'inbox.triage' }],
        actions: [
          {
            action: 'quarantine',
            context_schema: {
              type: 'object',
              properties: { risk_score: { enum: [1, 2] } },
              required: ['risk_score'],
              additionalProperties: false,
            },
          },
        ],
      }),
    );
    const { examples } = await asJson('rules.yaml', '--catalog', 'catalog.json', '--count', '300');
    const own = examples.filter(
      (one: { action: string; agent: string }) => one.agent === 'inbox.triage' && one.action === 'quarantine',
    );
    expect(own.length).toBeGreaterThan(0);
    for (const { context } of own) expect([1, 2]).toContain(context.risk_score);
  });

  it('reports to CI what the cases expect, the limits, and the rules that no case reaches', async () => {
    folder.write(
      'ci.json',
      JSON.stringify([
        { case_id: 'good', agent: 'inbox.triage', action: 'escalate', expected_effect: 'needs_approval' },
        { case_id: 'bad', agent: 'inbox.triage', action: 'escalate', expected_rule: 'allow-risky' },
        { case_id: 'silent', agent: 'inbox.triage', action: 'escalate' },
      ]),
    );
    const as = async (format: string) =>
      (await simulate('rules.yaml', '--dataset', 'ci.json', '--format', format)).stdout;
    const [cases, rules] = readXml(await as('junit')).children;
    expect(cases?.attributes).toMatchObject({ name: 'ci.json', tests: '2', failures: '1' });
    expect(rules?.attributes).toMatchObject({ name: 'rules.yaml', tests: '4', failures: '0' });
    const results = readSarif(await as('sarif')).runs[0].results.map(({ ruleId, level }) => `${level} ${ruleId}`);
    expect(results).toEqual(['error unexpected-decision', 'note never-hit', 'note never-hit']);
    expect(readAnnotations(await as('github'))[0]).toMatchObject({
      command: 'error',
      properties: { file: 'ci.json', line: '1' },
    });
  });
});

describe('what simulate cannot use', () => {
  it('is shown at its place when it is a case', async () => {
    folder.write('slip.jsonl', '{"agent":"a","action":"b"}\n{"agent":"a","action":"b","expected":"deny"}\n');
    const { code, stdout, stderr } = await simulate('rules.yaml', '--dataset', 'slip.jsonl');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^slip\.jsonl:2:\d+ error invalid-source unknown key `expected`, did you mean `expect`/);
  });

  it('is one line when it is the command line', async () => {
    for (const [args, message] of [
      [['--dataset', 'rules.yaml'], 'rules.yaml: holds rules, not cases'],
      [['--compare', 'mail.policytest.yaml'], 'is a test suite, not rules: `policy-studio test` runs it'],
      [['--dataset', 'calls.txt'], 'calls.txt: a data set is `fixtures`, `synthetic`, or a file'],
      [['--dataset', 'missing.csv'], 'missing.csv: there is no such file'],
      [['--count', '0'], 'a count must be a whole number from 1 to 100000'],
      [['--seed', 'x'], 'a seed is a whole number'],
      [['--min-score', '50'], '--min-score goes with --mutate'],
      [['--compare', '-', '--dataset', '-'], 'only one of the bundles and --dataset can be -'],
    ] as const) {
      const result = await simulate('rules.yaml', ...args);
      expect(result).toMatchObject({ code: 2, stdout: '' });
      expect(result.stderr).toContain(message);
    }
  });
});
