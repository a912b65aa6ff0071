import type { Finding, Severity } from '../finding.js';

/** Stands for findings of a severity that the report leaves out. */
export function moreFindings(severity: Severity, count: number): Finding {
  return {
    code: 'more-findings',
    rule_id: null,
    severity,
    message: `and ${count} more, which show when these are dealt with`,
    path: [],
    line: null,
    column: null,
    suggestion: null,
  };
}
