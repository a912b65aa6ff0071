// `npm start`, `npm run migrate`: builds what is stale, then becomes the server. Being the same process, it gets the
// terminal's signals itself and its exit code is the server's.
import { build } from './build.mjs';

if (await build()) await import('../packages/server/dist/main.js');
else process.exitCode = 1;
