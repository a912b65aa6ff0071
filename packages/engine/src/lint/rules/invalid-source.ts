import type { LintCheck } from '../check.js';
import { faultsOf } from '../faults.js';

export const check: LintCheck = {
  code: 'invalid-source',
  severity: 'error',
  find: (context) => faultsOf(context, 'invalid-source'),
};
