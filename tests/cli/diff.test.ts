import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rulesYaml, run, workFolder } from './cli.testkit.js';
import { readAnnotations, readSarif, readXml } from './formats.testkit.js';

const folder = workFolder();
const inFolder = { cwd: folder.path };
folder.write('rules.yaml', rulesYaml);
folder.write('looser.yaml', rulesYaml.replace('">=risk_score": 85', '">=risk_score": 70'));
const diff = (...args: string[]) => run(['diff', ...args], inFolder);

describe('diff', () => {
  it('proves equal what is renamed, reordered and respelled, and says what was written otherwise', async () => {
    const [head = '', deny = '', ask = '', allow = ''] = rulesYaml.split(/^(?= {2}- id)/m);
    const respelled = allow.replace('">=risk_score": 85', 'all: [{ "risk_score >=": 85.0 }]');
    folder.write('same.yaml', [head, respelled, ask.replace('id: ask-', 'id: people-'), deny].join(''));
    const { code, stdout } = await diff('rules.yaml', 'same.yaml');
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'rules.yaml → same.yaml',
        'No decision changes. This is proven for every possible request.',
        '',
        'Rules: 1 added, 1 removed, 0 modified, 2 unchanged',
        '  + people-before-escalating',
        '  - ask-before-escalating',
        '',
      ].join('\n'),
    );
  });

  it('says in a sentence what changes, with a request that both bundles decide as it says', async () => {
    const { code, stdout } = await diff('rules.yaml', 'looser.yaml');
    expect(code).toBe(1);
    expect(stdout).toContain('1 kind of requests is decided otherwise:\n');
    expect(stdout).toContain(
      'looser   agent `inbox.triage`, action `quarantine`: some requests that were denied are now allowed\n',
    );
    expect(stdout).toContain('decided by: the default effect, now `allow-risky`\n');
    expect(stdout).toContain('  ~ allow-risky: conditions\n');
    const [, request = ''] = /for example: (.*)\n/.exec(stdout) ?? [];
    const effectOf = async (rules: string) => {
      const args = ['evaluate', '--rules', rules, '--request', '-'];
      return (await run(args, { ...inFolder, input: request })).stdout.split('\n')[0];
    };
    expect([await effectOf('rules.yaml'), await effectOf('looser.yaml')]).toEqual(['deny', 'allow']);
  });

  it('tells stricter from looser, and a new price from both', async () => {
    const { stdout } = await diff('looser.yaml', 'rules.yaml');
    expect(stdout).toMatch(/^ {2}stricter agent `inbox.triage`/m);
    folder.write('dearer.yaml', rulesYaml.replace('cost: 2', 'cost: 3'));
    const priced = await diff('rules.yaml', 'dearer.yaml');
    expect(priced.code).toBe(1);
    expect(priced.stdout).toMatch(
      /^ {2}terms {4}agent `inbox.triage`, action `escalate`: some requests are put to a person as before, but with another budget/m,
    );
  });

  it('claims nothing that it could not decide', async () => {
    const matching = (pattern: string) => rulesYaml.replace('">=risk_score": 85', `"subject matches": "${pattern}"`);
    folder.write('a.yaml', matching('^(a|b)+c$'));
    folder.write('b.yaml', matching('^([ab])+c$'));
    const { code, stdout } = await diff('a.yaml', 'b.yaml');
    expect(code).toBe(1);
    expect(stdout).not.toContain('proven');
    expect(stdout).toMatch(/^ {2}\? perhaps .*: not decided, since it depends on a `matches` pattern$/m);
  });

  it('names what a pattern stands for', async () => {
    folder.write('none.yaml', 'rules: []\n');
    const { stdout } = await diff('none.yaml', 'rules.yaml');
    expect(stdout).not.toContain('agents `inbox.*`'); // deny instead of the default deny is no change
    const open = await diff('none.yaml', 'rules.yaml', '--default-effect', 'allow');
    expect(open.stdout).toContain(
      'agents `inbox.*` that no rule names, action `quarantine`: some requests that were allowed',
    );
  });

  it('counts recorded requests at the change that they undergo', async () => {
    const call = (risk: number, action = 'quarantine') =>
      JSON.stringify({ agent: 'inbox.triage', action, context: { risk_score: risk, domain_seen_days: 300 } });
    folder.write('calls.jsonl', [call(75), call(90), call(80), call(80, 'escalate'), 'not json', ''].join('\n'));
    const { code, stdout, stderr } = await diff('rules.yaml', 'looser.yaml', '--requests', 'calls.jsonl');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ +recorded: 2 requests$/m);
    expect(stdout).toMatch(/^Recorded requests: 2 of 4 decided otherwise$/m);
    expect(stderr).toMatch(/^calls\.jsonl: 1 line skipped, the first at line 5: not JSON/);
    const { semantic, recorded } = JSON.parse(
      (await diff('rules.yaml', 'looser.yaml', '--requests', 'calls.jsonl', '--json')).stdout,
    );
    expect(semantic.changes).toMatchObject([{ from: 'deny', to: 'allow', recorded: 2 }]);
    expect(recorded).toMatchObject({ requests: 4, changed: 2 });
  });

  it('leaves out what a catalog does not let through', async () => {
    const limited = { type: 'object', properties: { risk_score: { type: 'number', maximum: 60 } } };
    const catalog = {
      agents: [{ agent: 'inbox.triage' }],
      actions: [{ action: 'quarantine', context_schema: limited }],
    };
    folder.write('catalog.json', JSON.stringify(catalog));
    expect(await diff('rules.yaml', 'looser.yaml', '--catalog', 'catalog.json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('No decision changes.'),
    });
  });

  it('prints the difference as JSON, as a server answers it', async () => {
    const result = JSON.parse((await diff('rules.yaml', 'looser.yaml', '--format', 'json')).stdout);
    expect(result).toMatchObject({
      before: { file: 'rules.yaml', rules: 3 },
      rules_added: [],
      rules_removed: [],
      rules_modified: [
        { id: 'allow-risky', before: { conditions: { '>=risk_score': 85 } }, changed_fields: ['conditions'] },
      ],
      summary: { added: 0, removed: 0, modified: 1, unchanged: 2 },
      semantic: {
        equal: false,
        undecided: [],
        changes: [
          {
            agent: 'inbox.triage',
            action: 'quarantine',
            from: 'deny',
            to: 'allow',
            rules: { from: null, to: 'allow-risky' },
            witness: { agent: 'inbox.triage', action: 'quarantine' },
          },
        ],
      },
    });
  });

  it('stands at the rule that now decides, in every format of CI', async () => {
    const at = async (format: string) => (await diff('rules.yaml', 'looser.yaml', '--format', format)).stdout;
    const line = rulesYaml.split('\n').findIndex((text) => text.includes('id: allow-risky')) + 1;
    const [annotation] = readAnnotations(await at('github'));
    expect(annotation).toMatchObject({ command: 'warning', properties: { file: 'looser.yaml', line: `${line}` } });
    const [result] = readSarif(await at('sarif')).runs[0].results;
    expect(result).toMatchObject({ ruleId: 'decision-change', level: 'warning' });
    expect(result?.locations[0]?.physicalLocation.region?.startLine).toBe(line);
    expect(readXml(await at('junit')).attributes).toMatchObject({ tests: '1', failures: '1' });
    const equal = readXml((await diff('rules.yaml', 'rules.yaml', '--format', 'junit')).stdout);
    expect(equal.attributes).toMatchObject({ tests: '1', failures: '0' });
  });

  it('reads one side from standard input, as from `git show`', async () => {
    const piped = await run(['diff', '-', 'rules.yaml'], { ...inFolder, input: rulesYaml });
    expect(piped).toMatchObject({ code: 0, stdout: expect.stringContaining('standard input → rules.yaml') });
    expect(await diff('-', '-')).toMatchObject({ code: 2, stderr: expect.stringContaining('only one of') });
  });

  it('compares the bundles of two folders by their names', async () => {
    for (const side of ['old', 'new/sub']) mkdirSync(join(folder.path, side), { recursive: true });
    mkdirSync(join(folder.path, 'old/sub'));
    folder.write('old/same.yaml', rulesYaml);
    folder.write('new/same.yaml', rulesYaml.replace('First rules', 'The same rules'));
    folder.write('old/sub/mail.yaml', rulesYaml);
    folder.write('new/sub/mail.yaml', rulesYaml.replace('">=risk_score": 85', '">=risk_score": 70'));
    folder.write('new/added.yaml', rulesYaml);
    folder.write('new/lists.yaml', 'vips: [ada]\n');
    const { code, stdout, stderr } = await diff('old', 'new');
    expect(code).toBe(1);
    expect(stderr).toContain('old/added.yaml: is not there, and counts as a bundle without rules\n');
    expect(stdout).toMatch(/^old\/added\.yaml → new\/added\.yaml\n2 kinds of requests are decided otherwise:$/m);
    expect(stdout).toMatch(/^old\/same\.yaml → new\/same\.yaml\nNo decision changes\./m);
    expect(stdout).toMatch(/^old\/sub\/mail\.yaml → new\/sub\/mail\.yaml\n1 kind of requests/m);
    const { files, equal } = JSON.parse((await diff('old', 'new', '--json')).stdout);
    expect(files.map((one: { semantic: { equal: boolean } }) => one.semantic.equal)).toEqual([false, true, false]);
    expect(equal).toBe(false);
    expect((await diff('old', 'old')).code).toBe(0);
    expect(await diff('old', 'rules.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('not one of each'),
    });
  });

  it('shows rules that are not valid at their place', async () => {
    folder.write('broken.yaml', rulesYaml.replace('effect: allow', 'effect: alow'));
    const { code, stdout, stderr } = await diff('rules.yaml', 'broken.yaml');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^broken\.yaml:\d+:5 error invalid-rule .*did you mean `allow`\?/);
  });
});
