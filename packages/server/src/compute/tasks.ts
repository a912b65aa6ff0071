import type { Task } from './answer-calls.js';
import { checkBundle } from './tasks/check-bundle.js';
import { compileFaults } from './tasks/compile-faults.js';
import { diffBundles } from './tasks/diff-bundles.js';
import { lintRules } from './tasks/lint.js';
import { policyChange } from './tasks/policy-change.js';
import { simulate } from './tasks/simulate.js';

/** What can be run in a compute thread, by name. Inputs and outputs are cloneable. */
export const tasks = {
  'check-bundle': checkBundle,
  'compile-faults': compileFaults,
  'diff-bundles': diffBundles,
  lint: lintRules,
  'policy-change': policyChange,
  simulate,
} satisfies Record<string, Task<never, unknown>>;
