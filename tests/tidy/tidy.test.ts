import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  forbiddenImports,
  forbiddenStudioImports,
  importsOf,
  impurities,
  type SourceFile,
  tooLong,
  unreached,
  vagueNames,
} from './tidy.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

function tracked(pattern: RegExp): SourceFile[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return list
    .split('\n')
    .filter((path) => pattern.test(path) && existsSync(`${root}${path}`))
    .map((path) => ({ path, text: readFileSync(`${root}${path}`, 'utf8') }));
}

const sources = tracked(/^(packages|tests|bench|examples)\/.*\.tsx?$/);
const entries = [
  'packages/engine/src/index.ts',
  'packages/contract/src/index.ts',
  'packages/sdk/src/index.ts',
  'packages/server/src/main.ts',
  'packages/server/src/compute/worker.ts',
  'packages/cli/src/main.ts',
  'packages/cli/src/replay/run.ts',
  'packages/studio/src/main.tsx',
  'packages/studio/src/engine/engine.worker.ts',
  'packages/studio/vite.config.ts',
  'packages/studio/build/schema-stub.ts',
];

describe('the repository', () => {
  it('has sources to look at', () => {
    expect(sources.length).toBeGreaterThan(30);
    for (const entry of entries) expect(sources.map(({ path }) => path)).toContain(entry);
  });
  it('imports along engine <- contract <- {server, sdk}, sdk <- {cli, studio}, and between slices only by their faces', () => {
    expect(forbiddenImports(sources)).toEqual([]);
  });
  it('keeps the parts of the Studio apart: ui, domain, api, features', () => {
    expect(forbiddenStudioImports(sources)).toEqual([]);
  });
  it('keeps the engine pure', () => {
    expect(impurities(sources)).toEqual([]);
  });
  it('has no file longer than a person can hold', () => {
    expect(tooLong(sources)).toEqual([]);
  });
  it('names files after concepts', () => {
    expect(vagueNames(sources)).toEqual([]);
  });
  it('has no source that nothing reaches', () => {
    expect(unreached(sources, entries)).toEqual([]);
  });
});

describe('the checks themselves', () => {
  const planted = (path: string, text: string): SourceFile[] => [{ path, text }];
  it.each([
    ['packages/engine/src/a.ts', "import { operations } from '@policy-studio/contract';"],
    ['packages/contract/src/a.ts', "import type { X } from '@policy-studio/server';"],
    ['packages/sdk/src/a.ts', "export * from '@policy-studio/server';"],
    ['packages/cli/src/a.ts', "const server = await import('@policy-studio/server');"],
    ['packages/engine/src/a.ts', "import '../../server/src/main.js';"],
    ['packages/server/src/features/lists/routes.ts', "import {\n  a,\n  b,\n} from '../bundles/commands.js';"],
  ])('find a planted import in %s: %s', (path, text) => {
    expect(forbiddenImports(planted(path, text))).toHaveLength(1);
  });
  it.each([
    ['packages/server/src/features/lists/routes.ts', "import { a } from '../bundles/queries.js';"],
    ['packages/server/src/features/lists/routes.ts', "import { a } from './commands.js';"],
    ['packages/engine/src/a.ts', "// import { x } from '@policy-studio/server';\nimport { parse } from 'yaml';"],
  ])('let a good import stand in %s: %s', (path, text) => {
    expect(forbiddenImports(planted(path, text))).toEqual([]);
  });
  it.each([
    ['packages/studio/src/ui/Stat.tsx', "import { Effect } from '../domain/effect.js';"],
    ['packages/studio/src/ui/Stat.tsx', "import { parseCondition } from '@policy-studio/engine';"],
    ['packages/studio/src/domain/people.tsx', "import { client } from '../api/client.js';"],
    ['packages/studio/src/features/lists/ListsPage.tsx', "import { a } from '../bundles/rule-document.js';"],
    ['packages/studio/src/api/live.ts', "import { router } from '../router.js';"],
    ['packages/studio/src/shell/Palette.tsx', "import { a } from '../features/bundles/RuleList.js';"],
  ])('find a planted import in the Studio, in %s: %s', (path, text) => {
    expect(forbiddenStudioImports(planted(path, text))).toHaveLength(1);
  });
  it.each([
    ['packages/studio/src/features/lists/ListsPage.tsx', "import { a } from '../bundles/index.js';"],
    ['packages/studio/src/features/lists/ListsPage.tsx', "import { paths } from '../../paths.js';"],
    ['packages/studio/src/features/lists/ListsPage.tsx', "import { b } from './b.js';"],
    ['packages/studio/src/router.tsx', "import { Shell } from './shell/Shell.js';"],
  ])('let a good import stand in the Studio, in %s: %s', (path, text) => {
    expect(forbiddenStudioImports(planted(path, text))).toEqual([]);
  });
  it.each([
    'const t = Date.now();',
    'const r = Math.random();',
    "import { readFileSync } from 'node:fs';",
    'let count = 0;',
    'new Function("1")',
  ])('find an impurity in the engine: %s', (text) => {
    expect(impurities(planted('packages/engine/src/a.ts', text))).not.toEqual([]);
  });
  it('find a source that nothing imports', () => {
    const files = [
      { path: 'packages/engine/src/index.ts', text: "export * from './used.js';" },
      { path: 'packages/engine/src/used.ts', text: 'export const a = 1;' },
      { path: 'packages/engine/src/forgotten.ts', text: 'export const b = 1;' },
    ];
    expect(unreached(files, ['packages/engine/src/index.ts']).map(({ path }) => path)).toEqual([
      'packages/engine/src/forgotten.ts',
    ]);
  });
  it('read every form of import', () => {
    const text =
      "import a from 'a';\nimport * as b from 'b';\nimport type { c } from 'c';\nexport { d } from 'd';\nimport 'e';\nawait import('f');";
    expect(importsOf(text)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });
});
