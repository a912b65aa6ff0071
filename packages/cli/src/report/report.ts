import type { Position, Severity } from '@policy-studio/engine';
import type { Shown } from '../findings-text.js';
import type { TextFile } from '../input.js';
import { printable } from '../output.js';

/** What a checking command found, as every output format takes it. */
export interface Report {
  /** `lint`, `test`, `diff`, `simulate` or `fmt`. */
  readonly command: string;
  /** In the order they were checked. */
  readonly files: readonly CheckedFile[];
  /** The command's own result: the output of `--format json`. */
  readonly result: unknown;
}

export interface CheckedFile {
  readonly file: Pick<TextFile, 'name' | 'text'>;
  /** What was looked at, passed or not: a rule, a test case, a change. */
  readonly checks: readonly Check[];
}

export interface Check {
  readonly name: string;
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly ruleId: string | null;
  /** Null: about the file as a whole. */
  readonly place: Position | null;
  /** What helps to understand it: a request that shows it, what to do. */
  readonly notes: readonly Note[];
  readonly related: readonly RelatedPlace[];
  /** The author's answer to it, where there is one: then it is shown and does not count. */
  readonly suppressed?: string;
}

export interface Note {
  readonly label: string;
  readonly text: string;
}

export interface RelatedPlace {
  readonly message: string;
  readonly place: Position | null;
}

/** What keeps a check from passing. Information does not, nor does what was answered. */
export function isFailure({ severity, suppressed }: Problem): boolean {
  return severity !== 'info' && suppressed === undefined;
}

export function problemsOf(file: CheckedFile): Problem[] {
  return file.checks.flatMap(({ problems }) => problems);
}

/** The message with its notes, a line each, and safe to print. */
export function explainedMessage({ message, notes }: Pick<Problem, 'message' | 'notes'>): string {
  return [message, ...notes.map(({ label, text }) => `${label}: ${text}`)].map(printable).join('\n');
}

/** The problem as it is shown to people. */
export function shownProblem({ code, severity, message, place, notes }: Problem): Shown {
  return { code, severity, message, notes, ...(place ?? {}) };
}
