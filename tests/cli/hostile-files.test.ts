import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rulesYaml, run, workFolder } from './cli.testkit.js';
import { readAnnotations, readSarif, readXml } from './formats.testkit.js';

const folder = workFolder();
const inFolder = { cwd: folder.path };
folder.write('sound.yaml', rulesYaml);

const suite = `rules: sound.yaml
default_effect: deny
cases:
  - {name: a, agent: inbox.triage, action: escalate, context: {a: 1}, facts: {current_hour: 3}, expect: {effect: needs_approval}}
`;
const catalog =
  '{"agents": [{"agent": "inbox.triage"}], "actions": [{"action": "escalate", "context_schema": {"type": "object"}}]}';
const cases =
  '[{"case_id": "a", "agent": "inbox.triage", "action": "escalate", "context": {"a": 1}, "expected_effect": "deny"}]';

/** A document with some of its characters lost, doubled or replaced by ones that mean something. */
function damaged(text: string): fc.Arbitrary<string> {
  const odd = fc.constantFrom(
    '"',
    '{',
    '}',
    '[',
    ']',
    ':',
    '\n',
    '  ',
    '- ',
    '&a ',
    '*a',
    '!x ',
    '\u0000',
    '\u202e',
    '1e999',
    '#',
    ',',
    '|',
    '%',
  );
  const edit = fc.tuple(fc.nat(text.length), fc.nat(6), fc.oneof(odd, fc.string({ maxLength: 4 })));
  return fc
    .array(edit, { maxLength: 4 })
    .map((edits) => edits.reduce((now, [at, length, put]) => now.slice(0, at) + put + now.slice(at + length), text));
}

async function settles(args: readonly string[], accepted: readonly number[] = [0, 1, 2]): Promise<string> {
  const { code, stdout, stderr } = await run(args, inFolder);
  expect(accepted).toContain(code);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
  expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  if (code === 2) expect(stderr).toMatch(/^error: [^\n]+\n$/);
  return stdout;
}

it('rules in any state end in findings or one clear line, in every format', async () => {
  await fc.assert(
    fc.asyncProperty(damaged(rulesYaml), async (text) => {
      folder.write('rules.yaml', text);
      await settles(['lint', 'rules.yaml', '--fix']);
      folder.write('rules.yaml', text);
      const sarif = await settles(['lint', 'rules.yaml', '--format', 'sarif']);
      if (sarif !== '') readSarif(sarif);
      const junit = await settles(['lint', 'rules.yaml', '--format', 'junit']);
      if (junit !== '') readXml(junit);
      readAnnotations(await settles(['lint', 'rules.yaml', '--format', 'github']));
      await settles(['diff', 'sound.yaml', 'rules.yaml']);
      await settles(['simulate', 'rules.yaml', '--count', '5', '--mutate']);
      await settles(['fmt', 'rules.yaml']);
    }),
    { numRuns: 60 },
  );
}, 60_000);

it('so do suites, catalogs and cases', async () => {
  await fc.assert(
    fc.asyncProperty(damaged(suite), damaged(catalog), damaged(cases), async (tested, known, tried) => {
      folder.write('any.policytest.yaml', tested);
      folder.write('catalog.json', known);
      folder.write('cases.json', tried);
      const junit = await settles(['test', 'any.policytest.yaml', '--format', 'junit']);
      if (junit !== '') readXml(junit);
      await settles(['lint', 'sound.yaml', '--catalog', 'catalog.json']);
      await settles(['simulate', 'sound.yaml', '--dataset', 'cases.json']);
    }),
    { numRuns: 60 },
  );
}, 60_000);
