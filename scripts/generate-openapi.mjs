// The OpenAPI document of the contract, as committed in packages/contract/openapi.json.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const print = `
import { readFileSync } from 'node:fs';
import { allOperations, openApiDocument } from './src/index.ts';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
process.stdout.write(JSON.stringify(openApiDocument(allOperations, version), null, 2) + '\\n');
`;

/** Read from the sources in a process of its own, which can load TypeScript and needs no build. */
export function openApiFiles(root) {
  const folder = join(root, 'packages', 'contract');
  const text = execFileSync(
    process.execPath,
    ['--conditions=source', '--import', 'tsx', '--input-type=module', '-e', print],
    { cwd: folder, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 },
  );
  return [[join(folder, 'openapi.json'), text]];
}
