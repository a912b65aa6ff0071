import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '../catalog/catalog.js';
import { readYaml } from '../source-yaml.js';
import { lintCodes } from './check.js';
import { checks } from './checks.js';
import { allOf, catalogOf } from './lint.testkit.js';
import { type LintOptions, lintSource } from './run.js';

const rulesFolder = fileURLToPath(new URL('rules', import.meta.url));
const docsFolder = fileURLToPath(new URL('../../../../docs/lint', import.meta.url));
const page = (name: string) => readFileSync(`${docsFolder}/${name}.md`, 'utf8');

/** The fenced text of a kind, below a heading if one is given. */
function fenced(text: string, kind: string, heading?: string): string | null {
  const from = heading === undefined ? 0 : text.indexOf(`\n## ${heading}\n`);
  if (from === -1) return null;
  const section = heading === undefined ? text : text.slice(from + 1).split('\n## ')[0];
  return new RegExp(`^\`\`\`${kind}\n([^]*?)^\`\`\`$`, 'm').exec(section ?? '')?.[1] ?? null;
}

function parsed(text: string): unknown {
  const document = readYaml(text);
  if (Array.isArray(document)) throw new Error(JSON.stringify(document));
  return document.value;
}

/** The catalog of a page's examples, if it has one. */
function optionsOf(text: string): LintOptions {
  const written = fenced(text, 'yaml catalog');
  const lists = text.startsWith('# unknown-list') ? null : {};
  if (written === null) return { lists };
  const { agents, actions } = parsed(written) as {
    agents: { agent: string }[];
    actions: { action: string; context_schema?: JsonSchema }[];
  };
  const schemas = actions.map(({ action, context_schema }) => [action, context_schema ?? null] as const);
  const names = agents.map(({ agent }) => agent);
  return { lists, catalog: catalogOf(names, Object.fromEntries(schemas)) };
}

const files = readdirSync(rulesFolder);

describe('the codes', () => {
  it('have one file, one test and one page each, and there are no others', () => {
    const sorted = [...lintCodes].sort();
    expect(files.filter((name) => !name.endsWith('.test.ts')).sort()).toEqual(sorted.map((code) => `${code}.ts`));
    expect(files.filter((name) => name.endsWith('.test.ts')).sort()).toEqual(sorted.map((code) => `${code}.test.ts`));
    const pages = readdirSync(docsFolder).filter((name) => name !== 'README.md');
    expect(pages.sort()).toEqual(sorted.map((code) => `${code}.md`));
  });
  it('are all in the table of checks, each in the file that is called like it', async () => {
    expect(checks.map(({ code }) => code)).toEqual(
      [...lintCodes].filter((code) => code !== 'more-findings').sort((a, b) => place(a) - place(b)),
    );
    for (const check of checks) {
      const file = (await import(`./rules/${check.code}.ts`)) as { check: unknown };
      expect(file.check).toBe(check);
    }
  });
  it('are listed in the introduction with their severity', () => {
    for (const { code, severity } of checks)
      expect(page('README')).toContain(`\n| [${code}](${code}.md) | ${severity}`);
  });
});

function place(code: string): number {
  return checks.findIndex((check) => check.code === code);
}

describe.each(checks.map(({ code, severity }) => [code, severity] as const))('the page on %s', (code, severity) => {
  const text = page(code);
  const options = optionsOf(text);

  it('is headed by the code and states its severity', () => {
    expect(text.startsWith(`# ${code}\n`)).toBe(true);
    expect(text).toMatch(new RegExp(`^\\| ${severity}`, 'm'));
  });
  it('has an example that gives the finding', () => {
    const bad = fenced(text, 'yaml', 'Gives the finding');
    expect(bad).not.toBeNull();
    const codes = allOf(lintSource(bad ?? '', 'yaml', options)).filter((finding) => finding.code === code);
    expect(codes.length).toBeGreaterThan(0);
    expect(codes[0]?.severity).toBe(severity);
  });
  it('has an example that gives neither it nor any error or warning', () => {
    const good = fenced(text, 'yaml', 'Does not');
    expect(good).not.toBeNull();
    const { errors, warnings, info } = lintSource(good ?? '', 'yaml', options);
    expect([...errors, ...warnings]).toEqual([]);
    expect(info.map((finding) => finding.code)).not.toContain(code);
  });
  it('shows a suppression that works, if there can be one', () => {
    const shown = fenced(text, 'yaml suppression');
    if (shown === null) {
      expect(text).toMatch(/\| No[.,:]/);
      return;
    }
    const bad = fenced(text, 'yaml', 'Gives the finding') ?? '';
    const inRule = shown.trimEnd().replaceAll('\n', '\n  ');
    const lighter = severity === 'error' ? ({ [code]: 'warning' } as const) : {};
    const { suppressed } = lintSource(bad.replace(/^- /gm, `- ${inRule}\n  `), 'yaml', {
      ...options,
      catalogMode: 'open',
      severities: lighter,
    });
    expect(suppressed.map((finding) => finding.code)).toContain(code);
  });
});

describe('links', () => {
  it('lead to pages that are there', () => {
    for (const name of ['README', ...lintCodes]) {
      for (const [, target = ''] of page(name).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        expect(existsSync(`${docsFolder}/${target}`), `${name} -> ${target}`).toBe(true);
      }
    }
  });
});
