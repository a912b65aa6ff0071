import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rulesYaml, run, workFolder } from './cli.testkit.js';
import { readAnnotations, readSarif, readXml } from './formats.testkit.js';

const folder = workFolder();
const inFolder = { cwd: folder.path };
const lint = (...args: string[]) => run(['lint', ...args], inFolder);
const read = (name: string) => readFileSync(join(folder.path, name), 'utf8');

const clean = rulesYaml
  .replace('agent: inbox.*', 'agent: inbox.other')
  .replace('effect: deny', 'effect: needs_approval\n    budget: { cost: 1 }');
folder.write('clean.yaml', clean);
/** An office whose hours contradict each other, and a rule that two others cover together. */
const warned = `rules:
  - id: office-hours
    agent: planner.deploy
    action: deploy
    effect: allow
    reason: Somebody is in the office
    # before eight and after six
    conditions: { "<current_hour": 8, ">=current_hour": 18 }
  - id: small-deploys
    agent: planner.deploy
    action: deploy
    effect: needs_approval
    reason: Small ones are looked at in the morning
    priority: 80
    budget: { cost: 1 }
    conditions: { "<=canary_pct": 10 }
  - id: large-deploys
    agent: planner.deploy
    action: deploy
    effect: needs_approval
    reason: Large ones are looked at by two people
    priority: 80
    budget: { cost: 1 }
    metadata: { min_approvers: 2 }
    conditions: { ">canary_pct": 10 }
  - id: known-versions
    agent: planner.deploy
    action: deploy
    effect: needs_approval
    reason: Versions that were deployed before
    budget: { cost: 1 }
    conditions: { ">canary_pct": 0, "version exists": true }
`;
folder.write('warned.yaml', warned);

describe('lint', () => {
  it('says that rules are clean, and how many it read', async () => {
    expect(await lint('clean.yaml')).toEqual({ code: 0, stdout: '1 file, 3 rules: no findings\n', stderr: '' });
  });

  it('shows each finding at its line, with what shows it and what to do', async () => {
    const { code, stdout } = await lint('warned.yaml');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^warned\.yaml:8:\d+ warning never-matches .*current_hour/m);
    expect(stdout).toContain('  8 |     conditions: { "<current_hour": 8, ">=current_hour": 18 }\n');
    expect(stdout).toMatch(/^warned\.yaml:\d+:\d+ warning unreachable .*$/m);
    expect(stdout).toContain('  see: large-deploys (line 17), small-deploys (line 9)\n');
    expect(stdout).toMatch(/^ {2}try: remove it/m);
    expect(stdout).toMatch(/^Every code has a page: docs\/lint\/<code>\.md\n1 file, 4 rules: 2 warnings/m);
  });

  it('fails on a warning, unless so many are let pass; on an error always; on information never', async () => {
    expect((await lint('warned.yaml', '--max-warnings', '1')).code).toBe(1);
    expect((await lint('warned.yaml', '--max-warnings', '2')).code).toBe(0);
    expect((await lint('warned.yaml', '--max-warnings', '-1')).code).toBe(0);
    const off = ['--severity', 'never-matches=off', '--severity', 'unreachable=info'];
    expect((await lint('warned.yaml', ...off)).code).toBe(0);
    expect((await lint('warned.yaml', ...off)).stdout).toMatch(/1 file, 4 rules: 1 info$/m);
    expect((await lint('warned.yaml', '--severity', 'unreachable=error', '--max-warnings', '-1')).code).toBe(1);
    folder.write('broken.yaml', rulesYaml.replace('">=risk_score"', '"=>risk_score"'));
    expect((await lint('broken.yaml', '--max-warnings', '-1')).code).toBe(1);
  });

  it('explains a broken file well enough to mend it', async () => {
    folder.write(
      'slips.yaml',
      rulesYaml.replace('">=risk_score"', '"=>risk_score"').replace('effect: needs_approval', 'efect: needs_approval'),
    );
    const { code, stdout } = await lint('slips.yaml');
    expect(code).toBe(1);
    expect(stdout).toMatch(/error invalid-condition .*`=>`, did you mean `>=`\?/);
    expect(stdout).toMatch(/error invalid-rule unknown key `efect`, did you mean `effect`\?/);
    folder.write('cut.yaml', 'rules:\n  - id: abc\n   agent: x\n');
    expect((await lint('cut.yaml')).stdout).toMatch(/^cut\.yaml:3:\d+ error invalid-source /m);
    folder.write('cut.json', '{"rules": [{"id": "abc",}]}');
    expect((await lint('cut.json')).stdout).toMatch(/^cut\.json:1:\d+ error invalid-source .*\n {2}1 \| /m);
  });

  it('counts what its author has answered, with the answer in every format of CI', async () => {
    const reason = 'kept until the planner sends its hours';
    folder.write(
      'answered.yaml',
      warned.replace('    # before', `    metadata: { lint_ignore: { never-matches: ${reason} } }\n    # before`),
    );
    const { stdout } = await lint('answered.yaml');
    expect(stdout).toMatch(/4 rules: 1 warning.*, 1 answered in lint_ignore$/m);
    const results = readSarif((await lint('answered.yaml', '--format', 'sarif')).stdout).runs[0].results;
    expect(results.flatMap(({ suppressions = [] }) => suppressions.map(({ justification }) => justification))).toEqual([
      reason,
    ]);
    expect((await lint('answered.yaml', '--format', 'github')).stdout).not.toContain('never-matches');
  });

  it('reads standard input', async () => {
    const { code, stdout } = await run(['lint', '-'], { ...inFolder, input: warned });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^standard input:8:\d+ warning never-matches/m);
  });
});

describe('the files that lint reads', () => {
  it('are those of a folder that hold rules; what it passes over is named', async () => {
    const home = workFolder();
    for (const name of ['rules/mail', 'rules/.hidden', 'node_modules/x'])
      mkdirSync(join(home.path, name), { recursive: true });
    home.write('rules/mail/a.yaml', clean);
    home.write('rules/b.json', '[]');
    home.write('rules/lists.yaml', 'vips: [ada]\n');
    home.write('rules/requests.json', '[{"agent": "a", "action": "b", "context": {}}]');
    home.write('rules/empty.yaml', '');
    home.write('rules/deploy.yaml', 'jobs: { build: { steps: [{ run: make }] } }\n');
    home.write('rules/a.policytest.yaml', 'rules: mail/a.yaml\ncases: []\n');
    home.write('rules/.hidden/c.yaml', 'rules: 1');
    home.write('node_modules/x/c.yaml', 'rules: 1');
    home.write('rules/notes.txt', 'effect: action:');
    symlinkSync('..', join(home.path, 'rules/loop'));
    const { code, stdout, stderr } = await run(['lint', '--json'], { cwd: home.path });
    expect(JSON.parse(stdout).files.map(({ file }: { file: string }) => file)).toEqual([
      'rules/b.json',
      'rules/mail/a.yaml',
    ]);
    expect(stderr).toBe(
      'passed over 4 files without rules: rules/deploy.yaml, rules/empty.yaml, rules/lists.yaml, rules/requests.json\n',
    );
    expect(code).toBe(0);
  });

  it('are never passed over because they are broken', async () => {
    const home = workFolder();
    home.write('broken.yaml', rulesYaml.replace('    agent: inbox.*', '   agent: inbox.*'));
    home.write('mistyped.yaml', rulesYaml.replace('rules:', 'ruels:'));
    const { code, stdout } = await run(['lint', '.'], { cwd: home.path });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^broken\.yaml:\d+:\d+ error invalid-source/m);
    expect(stdout).toMatch(/^mistyped\.yaml:\d+:\d+ error invalid-source unknown key `ruels`, did you mean `rules`\?/m);
  });

  it('must be there', async () => {
    expect(await lint('missing.yaml')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: missing.yaml: there is no such file or folder\n',
    });
    folder.write('some.policytest.yaml', 'rules: clean.yaml\ncases: []\n');
    expect(await lint('some.policytest.yaml')).toMatchObject({
      code: 2,
      stderr: 'error: some.policytest.yaml: is a test suite, not rules: `policy-studio test` runs it\n',
    });
    const empty = workFolder();
    expect(await run(['lint'], { cwd: empty.path })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no rules there'),
    });
  });
});

describe('lint with lists and a catalog', () => {
  const listed = rulesYaml.replace('">=risk_score": 85', 'sender: { list: vips }');
  folder.write('listed.yaml', listed);

  it('says what it could not look at without the lists', async () => {
    const without = await lint('listed.yaml');
    expect(without.stdout).toMatch(/info unknown-list .*`vips`/);
    folder.write('lists.yaml', 'vips: []\n');
    const { stdout } = await lint('listed.yaml', '--lists', 'lists.yaml');
    expect(stdout).not.toContain('unknown-list');
    expect(stdout).toMatch(/warning never-matches/);
    folder.write('other-lists.yaml', 'vip: []\n');
    expect((await lint('listed.yaml', '--lists', 'other-lists.yaml')).stdout).toMatch(
      /error invalid-condition .*`vips`/,
    );
  });

  it('holds names and fields to the default catalog, and to one of a file', async () => {
    const named = rulesYaml.replace(
      'agent: inbox.triage\n    action: quarantine',
      'agent: inbox.triag\n    action: quarantine',
    );
    folder.write('named.yaml', named);
    const strict = await lint('named.yaml', '--catalog', 'default');
    expect(strict.stdout).toMatch(/error unknown-agent .*`inbox\.triag`.*\n.*\n.*\n {2}try: write `inbox\.triage`/);
    expect((await lint('named.yaml', '--catalog', 'default', '--open-catalog')).stdout).toMatch(
      /warning unknown-agent/,
    );
    folder.write(
      'catalog.yaml',
      'agents: [{ agent: inbox.triag }, { agent: inbox.triage }]\nactions:\n  - { action: quarantine }\n  - { action: escalate, risk: high }\n',
    );
    expect((await lint('named.yaml', '--catalog', 'catalog.yaml')).stdout).not.toMatch(/unknown-agent|unknown-action/);
  });

  it("takes an MCP server's list of tools, whoever the agent is", async () => {
    const tools = {
      result: {
        tools: [
          {
            name: 'create_issue',
            inputSchema: {
              type: 'object',
              properties: { title: { type: 'string' } },
              required: ['title'],
              additionalProperties: false,
            },
          },
          { name: 'not a name', inputSchema: { type: 'object' } },
        ],
      },
    };
    folder.write('tools.json', JSON.stringify(tools));
    folder.write(
      'github.yaml',
      'rules:\n  - {id: ask-for-issues, agent: dev.bot, action: create_isue, effect: deny, reason: Nobody reads the issues, conditions: {args.titel: x}}\n' +
        '  - {id: deny-numbers, agent: dev.bot, action: create_issue, effect: deny, reason: Nobody reads the issues, conditions: {">args.title": 5}}\n',
    );
    const { stdout, stderr } = await lint('github.yaml', '--catalog', 'tools.json');
    expect(stdout).toMatch(/error unknown-action .*`create_isue`.*\n.*\n.*\n {2}try: write `create_issue`/);
    expect(stdout).toMatch(/warning (type-mismatch|never-matches) /);
    expect(stdout).not.toContain('unknown-agent');
    expect(stderr).toMatch(/^tools\.json: 1 tool left out\n {2}not a name: /);
  });

  it('shows what is wrong with a catalog at its place', async () => {
    folder.write(
      'bad-catalog.yaml',
      'agents: [{ agent: a b }]\nactions:\n  - action: quarantine\n    contxt_schema: {}\n    risk: hihg\n',
    );
    const { code, stderr } = await lint('clean.yaml', '--catalog', 'bad-catalog.yaml');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^bad-catalog\.yaml:4:5 error invalid-catalog unknown key `contxt_schema`, did you mean `context_schema`\?/m,
    );
    expect(stderr).toMatch(/^bad-catalog\.yaml:5:5 error invalid-catalog `risk` must be one of/m);
    folder.write(
      'bad-schema.json',
      '{"agents": [{"agent": "a"}],\n "actions": [{"action": "b", "context_schema": {"$ref": "https://example.com/x"}}]}',
    );
    expect((await lint('clean.yaml', '--catalog', 'bad-schema.json')).stderr).toMatch(
      /^bad-schema\.json:2:\d+ error /m,
    );
  });
});

describe('lint --fix', () => {
  it('removes what changes no decision, keeps the rest of the text, and leaves what would change one', async () => {
    folder.write('fix.yaml', warned);
    const { code, stdout, stderr } = await lint('fix.yaml', '--fix');
    expect(stderr).toBe('fix.yaml: fixed unreachable (known-versions)\n');
    const fixed = read('fix.yaml');
    expect(fixed).toBe(warned.slice(0, warned.indexOf('  - id: known-versions')));
    expect(stdout).toMatch(/warning never-matches/);
    expect(code).toBe(1);
    expect((await run(['diff', '-', 'fix.yaml'], { ...inFolder, input: warned })).code).toBe(0);
    const again = JSON.parse((await lint('fix.yaml', '--fix', '--json')).stdout);
    expect(again.files[0].fixed).toEqual([]);
    expect(read('fix.yaml')).toBe(fixed);
  });

  it('keeps one of two rules that are needless only beside each other', async () => {
    const rule = (id: string) =>
      `  - {id: ${id}, agent: a, action: b, effect: allow, reason: Both say the same, conditions: {x: 1}}\n`;
    folder.write('twins.yaml', `rules:\n${rule('first')}${rule('second')}`);
    const { code, stderr } = await lint('twins.yaml', '--fix');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^twins\.yaml: fixed (redundant|unreachable) \(\w+\)\n$/);
    expect(read('twins.yaml')).toMatch(/^rules:\n {2}- \{id: (first|second), .*\}\n$/);
  });

  it('gives the second rule of an id its own, and then looks at the whole', async () => {
    const twice = clean.replace('id: ask-before-escalating', 'id: allow-risky');
    folder.write('twice.yaml', twice);
    const { code, stderr } = await lint('twice.yaml', '--fix');
    expect(stderr).toMatch(/^twice\.yaml: fixed duplicate-id \(allow-risky\)\n$/);
    expect(code).toBe(0);
    expect(read('twice.yaml').split('\n')).toHaveLength(twice.split('\n').length);
  });

  it('mends slips of spelling, and never guesses an effect', async () => {
    const slips = clean
      .replace('">=risk_score"', '"=>risk_score"')
      .replace('reason: Escalations', 'raeson: Escalations');
    folder.write('slipped.yaml', slips);
    const mended = await lint('slipped.yaml', '--fix');
    expect(mended).toMatchObject({ code: 0, stdout: '1 file, 3 rules: no findings\n' });
    expect(await run(['diff', '-', 'slipped.yaml'], { ...inFolder, input: clean })).toMatchObject({ code: 0 });
    const guess = clean.replace('effect: allow', 'effect: alow').replace('agent: inbox.other', 'agent: inbox.othr');
    folder.write('guess.yaml', guess);
    folder.write(
      'others.yaml',
      'agents: [{ agent: inbox.other }, { agent: inbox.triage }]\nactions: [{ action: quarantine }, { action: escalate }]\n',
    );
    const left = await lint('guess.yaml', '--fix', '--catalog', 'others.yaml');
    expect(left).toMatchObject({ code: 1, stderr: '' });
    expect(left.stdout).toMatch(/error unknown-agent/);
    expect(read('guess.yaml')).toBe(guess);
  });

  it('cannot write standard input', async () => {
    expect(await run(['lint', '-', '--fix'], { ...inFolder, input: warned })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'error: --fix needs a file: standard input cannot be written\n',
    });
  });
});

describe('the reports of lint', () => {
  it('hold the same findings in every format', async () => {
    const as = async (format: string) => (await lint('warned.yaml', 'clean.yaml', '--format', format)).stdout;
    const result = JSON.parse(await as('json'));
    expect(result).toMatchObject({
      files: [
        { file: 'warned.yaml', warnings: [{ code: 'never-matches', line: 8 }, { code: 'unreachable' }], passed: true },
        { file: 'clean.yaml', warnings: [], summary: { total_rules: 3 } },
      ],
      summary: { total_rules: 7, errors: 0, warnings: 2 },
      passed: true,
    });
    const { results } = readSarif(await as('sarif')).runs[0];
    expect(results.filter(({ level }) => level === 'warning').map(({ ruleId }) => ruleId)).toEqual([
      'never-matches',
      'unreachable',
    ]);
    expect(results.find(({ ruleId }) => ruleId === 'unreachable')?.relatedLocations).toHaveLength(2);
    const root = readXml(await as('junit'));
    expect(root.attributes).toMatchObject({ tests: '9', failures: '2' });
    expect(root.children.map(({ attributes }) => attributes.name)).toEqual(['warned.yaml', 'clean.yaml']);
    const annotations = readAnnotations(await as('github'));
    expect(annotations[0]).toMatchObject({ command: 'warning', properties: { file: 'warned.yaml', line: '8' } });
    expect(annotations[0]?.message).toContain('\ntry: ');
  });

  it('are refused where a choice makes no sense', async () => {
    for (const [args, message] of [
      [['--format', 'xml'], 'Allowed choices are human, json, sarif, junit, github'],
      [['--format', 'sarif', '--json'], "option '--json' cannot be used with option '--format <name>'"],
      [['--severity', 'never-match=off'], 'there is no code `never-match`, did you mean `never-matches`?'],
      [['--severity', 'never-matches=loud'], 'write code=error, warning, info or off'],
      [['--severity', 'invalid-rule=off'], '`invalid-rule` is always an error'],
      [['--max-warnings', 'many'], 'a whole number of warnings'],
    ] as const) {
      const result = await lint('clean.yaml', ...args);
      expect(result).toMatchObject({ code: 2, stdout: '' });
      expect(result.stderr).toContain(message);
    }
  });
});
