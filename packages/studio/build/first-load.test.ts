import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
}

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const manifest = JSON.parse(readFileSync(`${dist}manifest.json`, 'utf8')) as Record<string, Chunk>;

/** Everything a browser has to have before these entries run. */
function scriptsOf(entries: readonly string[]): string[] {
  const seen = new Set<string>();
  const visit = (entry: string): void => {
    const chunk = manifest[entry];
    if (chunk === undefined) throw new Error(`nothing was built from ${entry}`);
    if (seen.has(chunk.file)) return;
    seen.add(chunk.file);
    for (const next of chunk.imports ?? []) visit(next);
  };
  for (const entry of entries) visit(entry);
  return [...seen].filter((file) => file.endsWith('.js'));
}

function zippedBytes(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + gzipSync(readFileSync(dist + file)).length, 0);
}

const overview = ['index.html', 'src/features/overview/OverviewPage.tsx'];

describe('the first load', () => {
  it('is at most 250 kB of JavaScript, compressed, up to the first page', () => {
    const bytes = zippedBytes(scriptsOf(overview));
    process.stdout.write(`first load: ${(bytes / 1000).toFixed(1)} kB of JavaScript, gzip\n`);
    expect(bytes).toBeLessThanOrEqual(250_000);
  });

  it('holds neither the engine nor the editor nor the library of schemas', () => {
    const source = scriptsOf(overview)
      .map((file) => readFileSync(dist + file, 'utf8'))
      .join('\n');
    expect(source).not.toMatch(/cm-scroller|RE2JS|~guard/);
    expect(existsSync(dist + (manifest['src/ui/code/CodeEditor.tsx']?.file ?? ''))).toBe(true);
  });
});
