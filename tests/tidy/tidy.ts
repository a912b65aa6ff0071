/** A source file: its path from the repository root and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly rule: string;
  readonly path: string;
  readonly detail: string;
}

/** What each package may import of its siblings: `engine <- contract <- {server, sdk}`, `sdk <- {cli, studio}`. Nothing imports server. */
const packageImports: Readonly<Record<string, readonly string[]>> = {
  engine: [],
  contract: ['engine'],
  sdk: ['engine', 'contract'],
  server: ['engine', 'contract'],
  cli: ['engine', 'sdk'],
  studio: ['engine', 'sdk'],
};

/**
 * What each part of the Studio may import of the others. `ui` knows no domain, `domain` no server, and a feature knows of
 * another only its `index`; `theme` and `paths` are for all.
 */
const studioImports: Readonly<Record<string, readonly string[]>> = {
  theme: [],
  paths: [],
  ui: ['theme'],
  domain: ['theme', 'ui'],
  engine: [],
  api: ['engine'],
  features: ['theme', 'ui', 'domain', 'api', 'engine', 'paths'],
  shell: ['theme', 'ui', 'domain', 'api', 'engine', 'paths'],
};

/** What a slice shows other slices: its reads, and writes that take part in the caller's transaction (ADR 0005). */
const sliceFaces: readonly string[] = ['queries', 'transaction'];

const maxLines = 450;

const importPattern =
  /(?:^|[\s;])(?:import|export)\s+(?:type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

/** The module specifiers a source names, comments left out. */
export function importsOf(text: string): string[] {
  return [...withoutComments(text).matchAll(importPattern)].map((match) => (match[1] ?? match[2])!);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/[^\n]*/g, '$1');
}

function isTest(path: string): boolean {
  return /\.(test|testkit)\.tsx?$/.test(path) || /^tests\/|\/(spec|e2e)\//.test(path);
}

/** Resolves a relative specifier of `from` to a path from the root, without extension. */
function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/').replace(/\.(js|ts|tsx|json)$/, '');
}

/** Imports across packages and slices that the architecture does not allow. */
export function forbiddenImports(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const { path, text } of files) {
    if (isTest(path)) continue;
    const own = /^packages\/([^/]+)\/src\//.exec(path)?.[1];
    if (own === undefined) continue;
    const slice = /^packages\/server\/src\/features\/([^/]+)\//.exec(path)?.[1];
    for (const specifier of importsOf(text)) {
      const sibling = /^@policy-studio\/([^/]+)/.exec(specifier)?.[1];
      if (sibling !== undefined && !packageImports[own]?.includes(sibling)) {
        found.push({ rule: 'package-imports', path, detail: `${own} may not import ${specifier}` });
      }
      if (!specifier.startsWith('.')) continue;
      const target = resolve(path, specifier);
      if (!target.startsWith(`packages/${own}/`)) {
        found.push({ rule: 'package-imports', path, detail: `${specifier} leaves the package, import it by name` });
      }
      const other = /^packages\/server\/src\/features\/([^/]+)\/(.+)$/.exec(target);
      if (slice !== undefined && other && other[1] !== slice && !sliceFaces.includes(other[2]!)) {
        found.push({
          rule: 'slice-imports',
          path,
          detail: `${specifier}: of another slice only ${sliceFaces.join(' and ')}`,
        });
      }
    }
  }
  return found;
}

/** Imports between parts of the Studio that would tie what should stand alone; only main and the router see everything. */
export function forbiddenStudioImports(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const { path, text } of files) {
    const place = studioPlace(path);
    if (place === null || isTest(path) || studioImports[place.part] === undefined) continue;
    for (const specifier of importsOf(text)) {
      const other = specifier.startsWith('.') ? studioPlace(resolve(path, specifier)) : null;
      if (other === null || (other.part === place.part && other.feature === place.feature)) continue;
      const allowed =
        other.part === 'features'
          ? place.part === 'features' && other.rest === 'index'
          : studioImports[place.part]?.includes(other.part);
      if (!allowed) found.push({ rule: 'studio-imports', path, detail: `${place.part} may not import ${specifier}` });
    }
    if (place.part === 'ui' && importsOf(text).some((specifier) => specifier.startsWith('@policy-studio/'))) {
      found.push({ rule: 'studio-imports', path, detail: 'ui knows no domain' });
    }
  }
  return found;
}

/** Where a path is in the Studio: `features/bundles/BundlesPage` is of the feature `bundles`; `router` is a part by itself. */
function studioPlace(path: string): { part: string; feature: string; rest: string } | null {
  const inside = /^packages\/studio\/src\/(.+)$/.exec(path)?.[1]?.replace(/\.tsx?$/, '');
  if (inside === undefined) return null;
  const [part = '', ...rest] = inside.split('/');
  return part === 'features'
    ? { part, feature: rest[0] ?? '', rest: rest.slice(1).join('/') }
    : { part, feature: '', rest: rest.join('/') };
}

const impure: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\(|\bnew Date\(\)/, 'reads the clock'],
  [/\bMath\.random\(|\bcrypto\.(randomUUID|getRandomValues)\(/, 'is random'],
  [/\bprocess\.|\bglobalThis\.process\b/, 'touches the process'],
  [/\b(setTimeout|setInterval|setImmediate|fetch)\(|\bperformance\.now\(/, 'does I/O or waits'],
  [/\beval\(|\bnew Function\(/, 'evaluates text as code'],
];

/** In the engine: no I/O, no clock, no randomness, no mutable module state. Elsewhere in the server: only main.ts and env.ts see the process. */
export function impurities(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const { path, text } of files) {
    if (isTest(path) || !path.startsWith('packages/engine/src/') || path.includes('/generated/')) continue;
    const code = withoutComments(text);
    for (const [pattern, what] of impure) {
      if (pattern.test(code)) found.push({ rule: 'pure-engine', path, detail: what });
    }
    if (/^(export\s+)?let\s/m.test(code)) found.push({ rule: 'pure-engine', path, detail: 'has mutable module state' });
    for (const specifier of importsOf(text)) {
      if (specifier.startsWith('node:')) found.push({ rule: 'pure-engine', path, detail: `imports ${specifier}` });
    }
  }
  return found;
}

/** Files too long to hold in one's head. */
export function tooLong(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path, text }) => !path.includes('/generated/') && text.split('\n').length > maxLines)
    .map(({ path, text }) => ({
      rule: 'file-length',
      path,
      detail: `${text.split('\n').length} lines, at most ${maxLines}`,
    }));
}

/** Names that say little about what a file is. */
export function vagueNames(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path }) => /(^|\/)(utils?|helpers?|common|managers?|misc)(\.|\/)/.test(path))
    .map(({ path }) => ({ rule: 'vague-name', path, detail: 'name the file after its concept' }));
}

/** Sources of a package that nothing reaches from its entry points. */
export function unreached(files: readonly SourceFile[], entries: readonly string[]): Violation[] {
  const sources = new Map(
    files.filter(({ path }) => path.startsWith('packages/')).map((file) => [file.path.replace(/\.tsx?$/, ''), file]),
  );
  const seen = new Set<string>();
  const queue = entries.map((entry) => entry.replace(/\.tsx?$/, ''));
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = sources.get(path);
    if (!file || seen.has(path)) continue;
    seen.add(path);
    for (const specifier of importsOf(file.text))
      if (specifier.startsWith('.')) queue.push(resolve(file.path, specifier));
  }
  return [...sources]
    .filter(([path, file]) => !seen.has(path) && !isTest(file.path))
    .map(([, file]) => ({ rule: 'unreached', path: file.path, detail: 'nothing imports it' }));
}
