// Writes every generated file from its source: `npm run generate`; `--check` writes nothing and fails when one is stale.
// A generator returns [path, text] pairs; add yours to the list.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openApiFiles } from './generate-openapi.mjs';
import { ruleFiles } from './generate-rule.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const generators = [ruleFiles, openApiFiles];

const check = process.argv.includes('--check');
let stale = 0;
for (const generator of generators) {
  for (const [path, text] of await generator(root)) {
    const before = await readFile(path, 'utf8').catch(() => null);
    if (before === text) continue;
    stale += 1;
    console.log(`${check ? 'stale' : 'wrote'} ${relative(root, path)}`);
    if (!check) await writeFile(path, text);
  }
}
if (check && stale > 0) {
  console.error('run `npm run generate` and commit the result');
  process.exitCode = 1;
}
