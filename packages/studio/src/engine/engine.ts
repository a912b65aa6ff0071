import { createEngine } from './queue.js';

/** The engine of this page, in a worker that starts with the first task. */
export const engine = createEngine(
  () => new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module', name: 'policy-engine' }),
);
