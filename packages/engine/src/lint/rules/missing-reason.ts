import type { LintCheck } from '../check.js';
import { reasonLength } from '../suppression.js';

export const check: LintCheck = {
  code: 'missing-reason',
  severity: 'error',
  *find({ written }) {
    for (const { index, id, input } of written) {
      const reason = Object.hasOwn(input, 'reason') ? input.reason : '';
      // What is no text is an `invalid-rule`.
      if (typeof reason !== 'string') continue;
      const length = [...reason.trim()].length;
      if (length >= reasonLength) continue;
      const rule = { index, id };
      const name = id === null ? 'the rule' : `\`${id}\``;
      const path = ['reason'];
      if (length === 0) {
        const message = `${name} gives no reason, so neither the agent nor whoever reads the log learns why it decides as it does`;
        const suggestion = { message: 'add a `reason`: one sentence on what the rule is for' };
        yield { rule, path, message, suggestion };
      } else {
        const message = `the reason of ${name} is ${length} characters long, too short to tell the agent or a reader of the log anything`;
        const suggestion = { message: `say in at least ${reasonLength} characters what the rule is for` };
        yield { rule, path, severity: 'warning', message, suggestion };
      }
    }
  },
};
