// Builds the packages whose sources changed since the last build, each with a line of progress.
// `import { build } from './build.mjs'` does the same and does nothing when everything is up to date.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = join(root, '.build', 'stamp');
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const bundler = join(root, 'node_modules', 'vite', 'bin', 'vite.js');

/** A package that the compiler builds. */
const compiled = (name) => ({
  name,
  /** What goes into it besides its package.json. */
  inputs: ['tsconfig.json', 'src'],
  /** There once it is built. */
  proof: 'dist/.tsbuildinfo',
  run: () => run([compiler, '-b', join(root, 'packages', name)], root),
});
/** In the order of their imports. */
const packages = [
  ...['engine', 'contract', 'sdk', 'server', 'cli'].map(compiled),
  {
    name: 'studio',
    inputs: ['index.html', 'vite.config.ts', 'build', 'public', 'src'],
    proof: 'dist/index.html',
    /** The bundler always starts from nothing, so it is only asked when one of these changed. */
    of: ['engine', 'contract', 'sdk', 'studio'],
    run: () => run([bundler, 'build', '--logLevel', 'warn'], join(root, 'packages', 'studio')),
  },
];

function files(path) {
  if (!statSync(path).isDirectory()) return /\.(test|testkit)\.tsx?$/.test(path) ? [] : [path];
  return readdirSync(path).flatMap((name) => files(join(path, name)));
}

/** Of everything that goes into the build: a file touched but not changed builds nothing. */
function stamp(wanted = packages) {
  const inputs = [
    'package.json',
    'package-lock.json',
    'tsconfig.base.json',
    ...wanted.flatMap(({ name, inputs }) => ['package.json', ...inputs].map((path) => `packages/${name}/${path}`)),
  ].flatMap((path) => files(join(root, path)));
  const hash = createHash('sha256').update(process.version);
  for (const path of inputs.sort()) {
    hash.update(`\0${path.slice(root.length)}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function isBuilt(now) {
  return (
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === now &&
    packages.every(({ name, proof }) => existsSync(join(root, 'packages', name, proof)))
  );
}

function run(args, cwd) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** Two that start at once build one after the other: the second finds everything built. */
async function lock() {
  const path = join(root, '.build', 'lock');
  mkdirSync(join(root, '.build'), { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      const unlock = () => rmSync(path, { force: true });
      process.once('exit', unlock);
      return () => {
        process.off('exit', unlock);
        unlock();
      };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!holderLives(path)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!waited) process.stderr.write('waiting for another build to finish ...\n');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function holderLives(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    // Just made and not yet written: ask again.
    if (pid === 0) return Date.now() - statSync(path).mtimeMs < 2_000;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** True when everything is built now. */
export async function build() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    process.stderr.write(`Node 20.19 or newer is needed, this is ${process.versions.node}\n`);
    return false;
  }
  if (!existsSync(compiler)) {
    process.stderr.write('the packages are not installed: run `npm install` first\n');
    return false;
  }
  if (isBuilt(stamp())) return true;
  const unlock = await lock().catch(unwritable);
  if (unlock === null) return false;
  try {
    return await buildStale();
  } finally {
    unlock();
  }
}

function unwritable(error) {
  if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
  process.stderr.write(
    'the sources changed since the last build, and this user may not write here: run `npm run build` as the owner of this folder\n',
  );
  return null;
}

async function buildStale() {
  const now = stamp();
  if (isBuilt(now)) return true;
  for (const [index, one] of packages.entries()) {
    const started = Date.now();
    process.stderr.write(`building ${index + 1}/${packages.length} ${one.name} ...`);
    if ((await make(one)) !== 0) {
      process.stderr.write(` failed\n`);
      return false;
    }
    process.stderr.write(` ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  }
  writeFileSync(stampFile, now);
  return true;
}

async function make({ name, proof, of, run: build }) {
  if (of === undefined) return build();
  const ownStamp = join(root, '.build', `stamp-${name}`);
  const now = stamp(packages.filter((each) => of.includes(each.name)));
  const known = existsSync(ownStamp) && existsSync(join(root, 'packages', name, proof));
  if (known && readFileSync(ownStamp, 'utf8') === now) return 0;
  const code = await build();
  if (code === 0) writeFileSync(ownStamp, now);
  return code;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await build()) ? 0 : 1;
}
