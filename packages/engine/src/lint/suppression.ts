import { isRecord } from './edits.js';
import type { Finding } from './finding.js';

/** The shortest reason that says anything, in characters. */
export const reasonLength = 10;

/** What a rule as written says to ignore: `metadata.lint_ignore`, whatever it holds. */
export function ignoredBy(input: Readonly<Record<string, unknown>> | undefined): unknown {
  const metadata = input !== undefined && Object.hasOwn(input, 'metadata') ? input.metadata : undefined;
  return isRecord(metadata) && Object.hasOwn(metadata, 'lint_ignore') ? metadata.lint_ignore : undefined;
}

/** Why the rule's author lets the finding stand; null: nothing valid is said, or it is an error. */
export function suppressionReason(
  { code, severity, path }: Finding,
  input: Readonly<Record<string, unknown>> | undefined,
): string | null {
  if (severity === 'error' || code === 'invalid-suppression' || path.length === 0) return null;
  const ignored = ignoredBy(input);
  if (!isRecord(ignored) || !Object.hasOwn(ignored, code)) return null;
  const reason = ignored[code];
  return isReason(reason) ? reason.trim() : null;
}

export function isReason(value: unknown): value is string {
  return typeof value === 'string' && [...value.trim()].length >= reasonLength;
}
