import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CatalogAction, CatalogAgent } from '../catalog/catalog.js';
import { type CompiledCatalog, compileCatalog } from '../catalog/compiled-catalog.js';
import { readYaml } from '../source-yaml.js';
import { lintCodes } from './check.js';
import type { Finding } from './finding.js';
import { allOf } from './lint.testkit.js';
import { lintSource } from './run.js';

const example = (name: string) =>
  readFileSync(new URL(`../../../../examples/lint/${name}`, import.meta.url), 'utf8').replaceAll('\r\n', '\n');

function catalog(): CompiledCatalog {
  const document = readYaml(example('catalog.yaml'));
  if (Array.isArray(document)) throw new Error(JSON.stringify(document));
  const written = document.value as { agents: CatalogAgent[]; actions: Partial<CatalogAction>[] };
  const unsaid = { agents: null, context_schema: null, risk: null, cost: null, description: '', annotations: {} };
  const actions = written.actions.map((action) => ({ action: '', ...unsaid, ...action }));
  const compiled = compileCatalog({ agents: written.agents, actions });
  if (Array.isArray(compiled)) throw new Error(JSON.stringify(compiled));
  return compiled;
}

describe('the example that violates everything', () => {
  const text = example('violates-everything.yaml');
  const report = lintSource(text, 'yaml', { catalog: catalog() });
  const said = allOf(report);
  const place = ({ code, line }: Finding) => `${line ?? '-'} ${code}`;

  it('gives every code but the two that it says it cannot', () => {
    const missing = lintCodes.filter((code) => !said.some((finding) => finding.code === code));
    expect(missing).toEqual(['invalid-source', 'more-findings']);
  });
  it('gives, of each rule, what the comment above it announces', () => {
    const lines = text.split('\n');
    const announced = lines.flatMap((line, index) => {
      const code = /^ {2}# ([a-z-]+)/.exec(line)?.[1];
      return code !== undefined && (lintCodes as readonly string[]).includes(code) ? [{ code, index }] : [];
    });
    expect(announced).toHaveLength(lintCodes.length - 3);
    for (const { code, index } of announced) {
      const end = lines.findIndex((line, i) => i > index && line.trim() === '');
      const within = ({ line }: Finding) => line !== null && line > index && (end === -1 || line <= end);
      expect(
        said.filter(within).map((finding) => finding.code),
        `line ${index + 1}`,
      ).toContain(code);
    }
  });
  it('gives these, at these lines', () => {
    expect(said.map(place)).toMatchInlineSnapshot(`
      [
        "175 unknown-agent",
        "183 unknown-action",
        "188 missing-reason",
        "198 invalid-rule",
        "206 invalid-condition",
        "210 duplicate-id",
        "223 limit-exceeded",
        "11 never-matches",
        "22 rounded-number",
        "32 mistyped-comparison",
        "36 conflict",
        "36 conflict",
        "42 evadable",
        "46 ambiguous-tie",
        "51 evadable",
        "55 conflict",
        "63 conflict",
        "63 conflict",
        "69 evadable",
        "70 evadable",
        "74 unreachable",
        "91 evadable",
        "117 type-mismatch",
        "126 unknown-field",
        "133 budget-sanity",
        "140 wide-allow",
        "170 invalid-suppression",
        "- uncovered-action",
        "17 conflict",
        "85 conflict",
        "85 conflict",
        "95 redundant",
        "103 redundant",
        "111 redundant",
        "150 disabled-rule",
        "159 unknown-list",
        "174 redundant",
        "181 redundant",
      ]
    `);
  });
});

describe('the example that does not parse', () => {
  it('gives one finding, where the parser gave up', () => {
    const { errors, summary } = lintSource(example('does-not-parse.yaml'), 'yaml');
    expect(errors[0]).toMatchObject({ code: 'invalid-source', line: 7 });
    expect(summary.total_issues).toBe(errors.length);
  });
});
