import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseBundleSource } from '../bundle.js';
import type { Diagnostic } from '../diagnostic.js';
import { bundleDigest } from '../digest.js';
import type { RuleInput } from '../generated/rule.js';
import { anyRule } from '../rules.testkit.js';
import { formatSource } from './format-source.js';

type Format = 'json' | 'yaml';

function formatted(text: string, format: Format): string {
  const result = formatSource(text, format);
  if (typeof result !== 'string') throw new Error(`${JSON.stringify(result)} of ${text}`);
  return result;
}

function digestOf(text: string, format: Format): string {
  const source = parseBundleSource(text, format);
  if (Array.isArray(source)) throw new Error(`${JSON.stringify(source)} of ${text}`);
  return bundleDigest(source.rules as RuleInput[]);
}

const anyRules = fc
  .tuple(anyRule('one'), anyRule('two'), fc.boolean())
  .map(([one, two, isBare]): RuleInput[] => [
    { ...two, tags: ['x', 'y'], reason: 'first: of two', budget: { risk: 'low', cost: 1 } },
    isBare
      ? { id: 'one', action: '*', agent: 'a.b', effect: 'allow' }
      : { metadata: { note: 'several\nlines\n' }, ...one },
  ]);

const layouts: readonly [string, Format, (rules: readonly RuleInput[]) => string][] = [
  ['JSON', 'json', (rules) => JSON.stringify({ rules, version: '1.0.0' })],
  ['a JSON list', 'json', (rules) => JSON.stringify(rules, null, 4)],
  ['YAML', 'yaml', (rules) => stringify({ rules, notes: 'x', version: '1.0.0' })],
  ['a YAML list', 'yaml', (rules) => stringify(rules, { lineWidth: 20, indentSeq: false })],
  ['YAML in flow style', 'yaml', (rules) => stringify(rules, { collectionStyle: 'flow' })],
];

describe('formatting', () => {
  it.each(layouts)('keeps the digest, and done twice changes nothing more: %s', (_name, format, layout) => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        const text = layout(rules);
        const once = formatted(text, format);
        expect(digestOf(once, format)).toBe(digestOf(text, format));
        expect(formatted(once, format)).toBe(once);
      }),
      { numRuns: 150 },
    );
  });

  it('keeps every comment, wherever it stands', () => {
    fc.assert(
      fc.property(anyRules, fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), (rules, places) => {
        const text = withComments(stringify({ version: '1', rules }), places);
        const once = formatted(text, 'yaml');
        expect(digestOf(once, 'yaml')).toBe(digestOf(text, 'yaml'));
        expect(commentsIn(once)).toEqual(commentsIn(text));
        expect(formatted(once, 'yaml')).toBe(once);
      }),
      { numRuns: 600 },
    );
  });

  it('writes a rule as the schema orders it, with its comments where they belong', () => {
    const text = `# the bundle
rules:
  # on the rule
  - effect: deny
    # on the conditions
    conditions:
      # on the score
      risk_score >=: 85 # high
      category:
        - spam # unwanted
        - phishing
      # on the country
      "==country": DE
    action: "*"
    id: one # its name
    agent: '*'
version: "1.0.0"
`;
    expect(formatted(text, 'yaml')).toBe(`# the bundle

version: "1.0.0"
rules:
  # on the rule
  - id: one # its name
    agent: '*'
    action: "*"
    effect: deny
    # on the conditions
    conditions:
      # on the score
      ">=risk_score": 85 # high
      category in:
        - phishing
        - spam # unwanted
      # on the country
      country: DE
`);
  });

  it('writes JSON with short lists on one line', () => {
    expect(
      formatted('[{"effect":"deny","id":"one","agent":"*","action":"*","conditions":{"x":[2,1]}}]', 'json'),
    ).toBe(`[
  {
    "id": "one",
    "agent": "*",
    "action": "*",
    "effect": "deny",
    "conditions": {
      "x in": [1, 2]
    }
  }
]
`);
  });

  it('leaves the example bundles as they are written, apart from condition keys', () => {
    const folder = new URL('../../../../examples/tool-agents/', import.meta.url);
    const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && !name.includes('policytest'));
    expect(files.length).toBeGreaterThan(3);
    for (const name of files) {
      const text = readFileSync(new URL(name, folder), 'utf8');
      const once = formatted(text, 'yaml');
      expect(digestOf(once, 'yaml')).toBe(digestOf(text, 'yaml'));
      expect(commentsIn(once)).toEqual(commentsIn(text));
      expect(formatted(once, 'yaml')).toBe(once);
    }
  });

  it('writes aliases out, unless that is too much', () => {
    const rule = (id: string, conditions: string) =>
      `- id: ${id}\n  agent: '*'\n  action: '*'\n  effect: deny\n  conditions: ${conditions}\n`;
    const text = rule('one', '&c { a: 1 }') + rule('two', '*c');
    expect(formatted(text, 'yaml')).toContain(
      "- id: two\n  agent: '*'\n  action: '*'\n  effect: deny\n  conditions:\n    a: 1\n",
    );
    const long = `- id: one\n  agent: '*'\n  action: '*'\n  effect: deny\n  metadata:\n    a: &a [${'"x",'.repeat(50_000)}]\n${Array.from({ length: 30 }, (_, i) => `    b${i}: *a\n`).join('')}`;
    expect((formatSource(long, 'yaml') as Diagnostic[])[0]).toMatchObject({ code: 'limit-exceeded' });
  });

  it('tells what is wrong, and where, instead of formatting it', () => {
    expect(formatSource('[', 'json')).toMatchObject([{ code: 'invalid-source', line: 1 }]);
    const text = "- id: one\n  agent: '*'\n  action: '*'\n  effect: deny\n  conditions:\n    x foo: 1\n";
    expect(formatSource(text, 'yaml')).toMatchObject([{ code: 'invalid-condition', line: 6, column: 5 }]);
  });
});

/** A numbered comment at the end of some lines and above others, where YAML allows one. */
function withComments(text: string, places: readonly number[]): string {
  const lines = text.split('\n');
  places.forEach((place, i) => {
    const at = place % (lines.length - 1);
    const line = lines[at] as string;
    // Not into the text of a block scalar.
    if (!/^ *(- )?("[^"]*"|[\w .$<>=!]+):|^ *- /.test(line) || line.includes('|') || /^ *(several|lines)/.test(line))
      return;
    if (line.includes('#')) return;
    if (place % 2 === 0) lines[at] = `${line} # c${i}`;
    else lines[at] = `${/^ */.exec(line)?.[0]}# c${i}\n${line}`;
  });
  return lines.join('\n');
}

function commentsIn(text: string): string[] {
  return [...text.matchAll(/(?:^|\s)(# ?[^\n]*)$/gm)].map((match) => (match[1] as string).trim()).sort();
}
