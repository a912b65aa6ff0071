import type { Task } from './answer-calls.js';
import { readRules } from './tasks/read-rules.js';

/** What can be run in a compute thread, by name. Inputs and outputs are cloneable. */
export const tasks = {
  'read-rules': readRules,
} satisfies Record<string, Task<never, unknown>>;
