import { describe, expect, it } from 'vitest';
import { rulesYaml, run, workFolder } from './cli.testkit.js';
import { readAnnotations, readSarif, readXml } from './formats.testkit.js';

const folder = workFolder();
const inFolder = { cwd: folder.path };
folder.write('rules.yaml', rulesYaml);
const test = (...args: string[]) => run(['test', ...args], inFolder);

const suite = `rules: rules.yaml
cases:
  - name: a risky mail from a known domain is set apart
    agent: inbox.triage
    action: quarantine
    context: { risk_score: 95, domain_seen_days: 300 }
    expect: { effect: allow, rule: allow-risky }
  - name: a new domain is looked at
    agent: inbox.triage
    action: quarantine
    context: { risk_score: 95, domain_seen_days: 5, confidence: 0.9 }
    expect: { effect: deny, rule: deny-new-domains, reason: looked at by people }
  - name: nothing is known about replies
    agent: inbox.triage
    action: reply
    expect: { effect: deny, rule: null }
`;
folder.write('mail.policytest.yaml', suite);
const failing = suite.replace('risk_score: 95, domain_seen_days: 300', 'risk_score: 60, domain_seen_days: 300');
folder.write('failing.policytest.yaml', failing);
const expectLine = failing.split('\n').findIndex((line) => line.includes('rule: allow-risky')) + 1;

describe('test', () => {
  it('runs every case, and names the rules that none of them is decided by', async () => {
    const { code, stdout } = await test('mail.policytest.yaml');
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'passed  mail.policytest.yaml  3 cases',
        '',
        'Coverage of rules.yaml: 2 of 3 rules (66.7 %)',
        '  never decided a case: ask-before-escalating',
        '1 suite, 3 cases: 3 passed',
        '',
      ].join('\n'),
    );
  });

  it('shows a failed case where it is written, with what kept its rule from deciding', async () => {
    const { code, stdout } = await test('failing.policytest.yaml');
    expect(code).toBe(1);
    expect(stdout).toContain(`failing.policytest.yaml:${expectLine}:5 error unexpected-decision `);
    expect(stdout).toContain('expected `allow`, got `deny` by the default effect, since no rule matched');
    expect(stdout).toContain(`  ${expectLine} |     expect: { effect: allow, rule: allow-risky }\n`);
    expect(stdout).toContain('why: `allow-risky` does not match: `risk_score >= 85` is not met (it is 60)\n');
    expect(stdout).toMatch(/request: \{"agent":"inbox\.triage","action":"quarantine","context":\{"risk_score":60/);
    expect(stdout).toMatch(/^1 suite, 3 cases: 2 passed, 1 failed$/m);
  });

  it.each([
    ['reason: looked at by people', 'reason: looked at by machines', 'does not contain `looked at by machines`'],
    [
      'rule: deny-new-domains',
      'rule: allow-risky',
      'why: `allow-risky` matches too, but `deny-new-domains` comes before it',
    ],
    [
      'rule: deny-new-domains',
      'rule: deny-new-domain',
      'there is no rule `deny-new-domain`, did you mean `deny-new-domains`?',
    ],
    [
      'rule: allow-risky',
      'rule: ask-before-escalating',
      '`ask-before-escalating` is disabled, or not about this agent and action',
    ],
    ['effect: deny, rule: null', 'effect: allow', 'expected `allow`, got `deny` by the default effect'],
    ['rule: allow-risky }', 'rule: null }', 'expected no rule to match, but it was decided by the rule `allow-risky`'],
  ])('fails on %s turned into %s', async (from, to, message) => {
    expect(suite).toContain(from);
    folder.write('changed.policytest.yaml', suite.replace(from, to));
    const { code, stdout } = await test('changed.policytest.yaml');
    expect(code).toBe(1);
    expect(stdout).toContain(message);
  });

  it('adds up the coverage of suites that test the same rules, and holds it to a least one', async () => {
    folder.write(
      'night.policytest.yaml',
      'rules: [rules.yaml]\ncases: [{agent: inbox.triage, action: escalate, expect: needs_approval}]\n',
    );
    const both = await test('mail.policytest.yaml', 'night.policytest.yaml', '--min-coverage', '100');
    expect(both).toMatchObject({ code: 0, stdout: expect.stringContaining('3 of 3 rules (100.0 %)') });
    const one = await test('mail.policytest.yaml', '--min-coverage', '70%');
    expect(one.code).toBe(1);
    expect(one.stdout).toContain(
      'rules.yaml error low-coverage the cases decide 2 of 3 rules (66.7 %), fewer than 70 %\n',
    );
    expect((await test('mail.policytest.yaml', '--min-coverage', '66')).code).toBe(0);
  });

  it('finds suites in folders, and takes several files of rules and lists from where the suite is', async () => {
    const nested = workFolder();
    const { mkdirSync } = await import('node:fs');
    mkdirSync(`${nested.path}/policy/tests`, { recursive: true });
    mkdirSync(`${nested.path}/node_modules`);
    const [head = '', ...rules] = rulesYaml.split(/^(?= {2}- id)/m);
    nested.write('policy/a.yaml', `${head}${rules[0]}`);
    nested.write(
      'policy/b.yaml',
      `rules:\n${rules.slice(1).join('')}`.replace('">=risk_score": 85', 'sender: { list: known }'),
    );
    nested.write('policy/lists.yaml', 'known: [ada]\n');
    nested.write(
      'policy/tests/mail.policytest.yaml',
      'rules: [../a.yaml, ../b.yaml]\nlists: ../lists.yaml\ncases:\n  - {agent: inbox.triage, action: quarantine, context: {sender: ada}, expect: allow}\n',
    );
    nested.write('node_modules/x.policytest.yaml', 'not a suite');
    const { code, stdout } = await run(['test'], { cwd: nested.path });
    expect(stdout).toContain('passed  policy/tests/mail.policytest.yaml  1 case\n');
    expect(stdout).toContain('Coverage of policy/a.yaml + policy/b.yaml: 1 of 3 rules');
    expect(code).toBe(0);
  });

  it('sets the clock by the fact `now`, in the time zone of the suite', async () => {
    folder.write(
      'hours.yaml',
      'rules: [{id: office-hours, agent: "*", action: "*", effect: allow, reason: Somebody is there, conditions: {">=current_hour": 8, "<current_hour": 18}}]\n',
    );
    const at = (zone: string) =>
      `rules: hours.yaml\ntime_zone: ${zone}\ncases: [{agent: a, action: b, facts: {now: "2026-03-02T12:00:00.000Z"}, expect: allow}]\n`;
    folder.write('berlin.policytest.yaml', at('Europe/Berlin'));
    folder.write('tokyo.policytest.yaml', at('Asia/Tokyo'));
    expect((await test('berlin.policytest.yaml')).code).toBe(0);
    expect((await test('tokyo.policytest.yaml')).code).toBe(1);
  });

  it('fails a case that a server would refuse by the catalog, whatever the rules say', async () => {
    folder.write(
      'catalog.json',
      JSON.stringify({
        agents: [{ agent: 'inbox.triage' }],
        actions: ['quarantine', 'reply'].map((action) => ({
          action,
          context_schema: { type: 'object', properties: { risk_score: { type: 'number' } } },
        })),
      }),
    );
    const known = `catalog: catalog.json\n${suite}`;
    folder.write('known.policytest.yaml', known);
    expect((await test('known.policytest.yaml')).code).toBe(0);
    folder.write('typed.policytest.yaml', known.replace('risk_score: 95', 'risk_score: "95"'));
    const typed = await test('typed.policytest.yaml');
    expect(typed.code).toBe(1);
    expect(typed.stdout).toMatch(
      /a server denies this request: the context does not fit the schema of `quarantine`: `risk_score`/,
    );
    folder.write('named.policytest.yaml', known.replace('action: reply', 'action: replay'));
    expect((await test('named.policytest.yaml')).stdout).toContain(
      'the catalog has no action `replay`: is the name right?',
    );
    folder.write('default.policytest.yaml', `catalog: default\n${suite}`);
    expect((await test('default.policytest.yaml')).stdout).toContain('the catalog has no action `reply`');
  });

  it('prints results as JSON', async () => {
    const result = JSON.parse((await test('failing.policytest.yaml', 'mail.policytest.yaml', '--json')).stdout);
    expect(result).toMatchObject({
      suites: [
        {
          file: 'failing.policytest.yaml',
          rules: ['rules.yaml'],
          cases: 3,
          failures: [{ expected: 'allow', actual: 'deny', matched_rule: null, line: expectLine, column: 5 }],
          errors: [],
        },
        { file: 'mail.policytest.yaml', failures: [] },
      ],
      coverage: [{ rules_files: ['rules.yaml'], never_hit: ['ask-before-escalating'] }],
      summary: { suites: 2, cases: 6, passed: 5, failed: 1, not_run: 0 },
      passed: false,
    });
  });

  it('prints a case for each case in JUnit, and what failed in SARIF and annotations', async () => {
    const as = async (format: string) => (await test('failing.policytest.yaml', '--format', format)).stdout;
    const root = readXml(await as('junit'));
    expect(root.attributes).toMatchObject({ name: 'policy-studio test', tests: '3', failures: '1' });
    const [first, second] = root.children[0]?.children ?? [];
    expect(first?.attributes).toMatchObject({
      name: 'a risky mail from a known domain is set apart',
      line: `${expectLine}`,
    });
    expect(first?.children[0]?.text).toContain('why: `allow-risky` does not match');
    expect(second?.children).toEqual([]);
    expect(readSarif(await as('sarif')).runs[0].results).toMatchObject([
      { ruleId: 'unexpected-decision', level: 'error' },
    ]);
    expect(readAnnotations(await as('github'))).toMatchObject([
      { command: 'error', properties: { file: 'failing.policytest.yaml', line: `${expectLine}` } },
    ]);
  });
});

describe('a suite that cannot be run', () => {
  folder.write('bad-catalog.yaml', 'agnets: []\nactoins: []\n');
  it.each([
    [
      'a mistyped key',
      suite.replace('expect: { effect: allow', 'expects: { effect: allow'),
      /:7:5 error invalid-source unknown key `expects`, did you mean `expect`\?/,
    ],
    [
      'a case that expects nothing',
      suite.replace(/ {4}expect: \{ effect: deny, rule: null \}\n/, ''),
      /error invalid-source the case expects nothing/,
    ],
    ['no cases', 'rules: rules.yaml\ncases: []\n', /the suite has no cases: it could not fail/],
    ['a mistyped effect', suite.replace('effect: allow', 'effect: alow'), /did you mean `allow`\?/],
    [
      'rules that are not there',
      suite.replace('rules.yaml', 'rule.yaml'),
      /^bad\.policytest\.yaml:1:1 error invalid-source rule\.yaml: there is no such file or folder/m,
    ],
    [
      'lists that are not there',
      `lists: lists.yaml\n${suite}`,
      /^bad\.policytest\.yaml:1:1 error invalid-source lists\.yaml: there is no such file/m,
    ],
    [
      'a catalog that is not valid',
      `catalog: bad-catalog.yaml\n${suite}`,
      /^bad\.policytest\.yaml:1:1 error invalid-source bad-catalog\.yaml:1:\d+ error invalid-catalog .*`agnets`.* \(2 findings\)$/m,
    ],
    ['what is no YAML', 'rules: [', /^bad\.policytest\.yaml:1:\d+ error invalid-source/m],
  ])('is shown with its place: %s', async (_, text, message) => {
    folder.write('bad.policytest.yaml', text);
    const { code, stdout } = await test('bad.policytest.yaml', 'mail.policytest.yaml');
    expect(code).toBe(1);
    expect(stdout).toMatch(message);
    expect(stdout).toMatch(/^not run bad\.policytest\.yaml$/m);
    expect(stdout).toMatch(/^passed {2}mail\.policytest\.yaml {2}3 cases$/m);
  });

  it('is blamed on the file of rules that is not valid, at its place there', async () => {
    folder.write('broken.yaml', rulesYaml.replace('effect: allow', 'effect: alow'));
    folder.write('two.policytest.yaml', suite.replace('rules.yaml', '[broken.yaml, rules.yaml]'));
    const { code, stdout } = await test('two.policytest.yaml');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^broken\.yaml:\d+:5 error invalid-rule .*did you mean `allow`\?/m);
    expect(stdout).toMatch(/^rules\.yaml:\d+:5 error duplicate-id /m);
    expect(stdout).toMatch(/^1 suite \(1 not run\), 3 cases: 0 passed, 3 not run$/m);
    const { suites, summary } = JSON.parse((await test('two.policytest.yaml', '--json')).stdout);
    expect(suites[0].errors.map(({ file }: { file: string }) => file)).toContain('broken.yaml');
    expect(summary).toMatchObject({ failed: 0, not_run: 3, covered_rate: null });
  });

  it('is a matter of the command line where there is none', async () => {
    expect(await run(['test'], { cwd: workFolder().path })).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: .: no suites there, files called *.policytest.yaml or .json\n',
    });
    expect(await test('rules.yaml')).toMatchObject({
      code: 2,
      stderr: 'error: rules.yaml: holds rules, not tests of them: a suite names such a file under `rules`\n',
    });
    expect(await test('missing.policytest.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no such file'),
    });
    expect(await test('--min-coverage', '120')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('from 0 to 100'),
    });
  });
});
