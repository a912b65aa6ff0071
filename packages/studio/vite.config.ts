import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { wireContract } from './build/wire-contract.js';

/** A server to develop against: `npm run studio:dev` hands on what is not the Studio's. */
const server = process.env.POLICY_STUDIO_URL ?? 'http://127.0.0.1:8080';

/** A script that is no module, so that it runs before the first paint; as it is, from `public/`. */
const colourSchemeFirst: Plugin = {
  name: 'policy-studio:colour-scheme-first',
  transformIndexHtml: {
    order: 'post',
    handler: () => [{ tag: 'script', attrs: { src: '/color-scheme.js' }, injectTo: 'head' }],
  },
};

export default defineConfig({
  plugins: [react(), wireContract(), colourSchemeFirst],
  // The sources of our own packages: one build, and what is not used falls away.
  resolve: {
    conditions: ['source', 'module', 'browser', 'development|production'],
    alias: { typebox: fileURLToPath(new URL('build/schema-stub.ts', import.meta.url)) },
  },
  // The server puts the nonce of each answer in its place.
  html: { cspNonce: '__CSP_NONCE__' },
  build: {
    // Baseline of 2024: `light-dark()` stays as it is written.
    target: ['chrome123', 'edge123', 'firefox121', 'safari17.5'],
    // The policy takes fonts and images from this server, not from `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'manifest.json',
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      treeshake: {
        // None of these does anything by being loaded.
        moduleSideEffects: (id) =>
          !/node_modules\/(yaml|csv-parse|jsonc-parser|re2js|pure-rand)\/|packages\/(engine|contract|sdk)\/src\//.test(
            id,
          ),
      },
    },
  },
  worker: { format: 'es' },
  server: {
    port: 5173,
    proxy: Object.fromEntries(['/policy', '/docs', '/openapi.json', '/schema'].map((path) => [path, server])),
  },
});
