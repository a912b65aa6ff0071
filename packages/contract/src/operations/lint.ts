import { defineOperation, largeBodyBytes } from '../operation.js';
import { examiners } from '../roles.js';
import { LintReport, LintRequest } from '../schemas/lint.js';

export const lintRules = defineOperation({
  id: 'lintRules',
  method: 'POST',
  path: '/policy/lint',
  tag: 'Lint',
  summary: 'Everything to say about rules, which are not kept',
  description:
    "Send `rules`, or `source` with its `format`. By the workspace's catalog, lists and settings. Rules that are broken are findings, never a refusal.",
  access: examiners,
  body: LintRequest,
  bodyLimit: largeBodyBytes,
  status: 200,
  response: LintReport,
  problems: ['too_much_work', 'overloaded'],
});
