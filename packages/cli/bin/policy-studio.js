#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
const builder = new URL('../../../scripts/build.mjs', import.meta.url);

// A checkout where nothing was started yet has nothing built yet.
if (!existsSync(main) && existsSync(builder)) {
  const { build } = await import(builder.href);
  if (!(await build())) process.exit(3);
}
await import(main.href);
