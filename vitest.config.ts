import { defineConfig } from 'vitest/config';

const pure = [
  'packages/engine/src/**/*.test.ts',
  'packages/engine/spec/**/*.test.ts',
  'packages/contract/src/**/*.test.ts',
];

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // On two cores it would be one otherwise.
    maxWorkers: '100%',
    projects: [
      // Nothing there keeps state, so one process loads the sources once for many files.
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      {
        extends: true,
        test: {
          name: 'effects',
          include: ['packages/*/src/**/*.test.ts', 'packages/studio/build/*.test.ts', 'tests/**/*.test.ts'],
          exclude: pure,
        },
      },
    ],
  },
});
