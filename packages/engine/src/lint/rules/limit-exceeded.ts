import type { LintCheck } from '../check.js';
import { faultsOf } from '../faults.js';

export const check: LintCheck = {
  code: 'limit-exceeded',
  severity: 'error',
  find: (context) => faultsOf(context, 'limit-exceeded'),
};
