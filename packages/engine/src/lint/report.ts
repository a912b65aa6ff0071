import type { Path } from '../diagnostic.js';
import type { Position } from '../source.js';
import { type Found, fixedCodes, type LintCheck, type LintCode, type LintContext } from './check.js';
import type { Finding, LintReport, Severity, SuppressedFinding } from './finding.js';
import { moreFindings } from './rules/more-findings.js';
import { suppressionReason } from './suppression.js';

/** A severity for a code in place of its own; `off`: not reported. */
export type Severities = Readonly<Partial<Record<LintCode, Severity | 'off'>>>;
export type Locate = (path: Path) => Position | null;

const maxKept = 1000;
const weightOf: Readonly<Record<Severity, number>> = { info: 0, warning: 1, error: 2 };

/** What the check finds, as findings; positions come later, to those that are kept. */
export function findingsOf(
  check: LintCheck,
  context: LintContext,
  before: readonly Finding[],
  severities: Severities,
): Finding[] {
  const set = fixedCodes.has(check.code) ? undefined : severities[check.code];
  if (set === 'off') return [];
  const own = check.severityIn?.(context) ?? check.severity;
  return [...check.find(context, before)].map((found) => findingOf(check.code, found, own, set ?? own));
}

/** A finding that its check makes light of stays light: what is set moves the code's own severity. */
function findingOf(code: LintCode, found: Found, usual: Severity, set: Severity): Finding {
  const { severity: own = usual } = found;
  const severity = own === usual || weightOf[set] < weightOf[own] ? set : own;
  const { rule, path = [], message, suggestion = null, witness, related, undecided, position } = found;
  return {
    code,
    rule_id: rule?.id ?? null,
    severity,
    message,
    path: rule === null ? path : [rule.index, ...path],
    line: position?.line ?? rule?.index ?? null,
    column: position?.column ?? (rule === null ? null : 0),
    suggestion,
    ...(witness ? { witness } : {}),
    ...(related === undefined ? {} : { related }),
    ...(undecided === undefined ? {} : { undecided }),
  };
}

/** The report on all findings; they come in any order. */
export function reportOn(
  findings: readonly Finding[],
  context: LintContext,
  totalRules: number,
  locate: Locate | null,
): LintReport {
  const inputs = new Map(context.written.map(({ index, input }) => [index, input]));
  const kinds: Record<Severity, Finding[]> = { error: [], warning: [], info: [] };
  const answered: SuppressedFinding[] = [];
  for (const finding of inOrder(findings)) {
    const reason = suppressionReason(finding, inputs.get(finding.path[0] as number));
    if (reason === null) kinds[finding.severity].push(finding);
    else answered.push({ ...finding, reason });
  }
  const { error, warning, info } = kinds;
  return {
    errors: cut(error, locate),
    warnings: cut(warning, locate),
    info: cut(info, locate),
    suppressed: answered.slice(0, maxKept).map((finding) => placed(finding, locate)),
    summary: {
      total_rules: totalRules,
      errors: error.length,
      warnings: warning.length,
      info: info.length,
      suppressed: answered.length,
      total_issues: error.length + warning.length + info.length,
    },
    passed: error.length === 0,
  };
}

/** By rule, what is about no one rule first; within a rule as the table of checks has them. */
function inOrder(findings: readonly Finding[]): Finding[] {
  const rule = ({ path }: Finding): number => (typeof path[0] === 'number' ? path[0] : -1);
  return [...findings].sort((a, b) => rule(a) - rule(b));
}

function cut(findings: readonly Finding[], locate: Locate | null): Finding[] {
  const kept = findings.slice(0, maxKept).map((finding) => placed(finding, locate));
  const [first] = findings;
  if (first === undefined || findings.length === kept.length) return kept;
  return [...kept, moreFindings(first.severity, findings.length - kept.length)];
}

function placed<F extends Finding>(finding: F, locate: Locate | null): F {
  // What is about no one rule has no line, unless the text itself is at fault.
  const position = finding.path.length === 0 ? null : (locate?.(finding.path) ?? null);
  return position === null ? finding : { ...finding, line: position.line, column: position.column };
}
