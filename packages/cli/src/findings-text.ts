import type { TextFile } from './input.js';
import { plural, printable, type Style } from './output.js';

/** What a finding needs to be shown, an engine's diagnostic or a server's. */
export interface Shown {
  readonly code: string;
  readonly message: string;
  readonly severity?: 'error' | 'warning' | 'info';
  readonly line?: number;
  readonly column?: number;
  /** What helps to understand it, shown below its source line. */
  readonly notes?: readonly { readonly label: string; readonly text: string }[];
}

const mostShown = 20;

/** Findings as `findingText`, closed by a count; at most 20 in full. */
export function findingsText(file: TextFile, findings: readonly Shown[], style: Style): string {
  const show = findingText(file, style);
  const blocks = findings.slice(0, mostShown).map(show);
  const more = findings.length - blocks.length;
  const total = plural(findings.length, 'finding');
  return [...blocks, more > 0 ? `${total}, ${more} not shown` : total].join('\n');
}

/** Shows findings of one file as `file:line:column severity code message`, each with its source line and notes. */
export function findingText(file: Pick<TextFile, 'name' | 'text'>, style: Style): (finding: Shown) => string {
  const lines = file.text.split(/\r\n|\n|\r/);
  return ({ line, column, code, message, severity = 'error', notes = [] }) => {
    const place = line === undefined ? file.name : `${file.name}:${line}:${column ?? 1}`;
    const paint = { error: style.red, warning: style.yellow, info: style.dim }[severity];
    const head = `${style.bold(printable(place))} ${paint(severity)} ${style.dim(code)} ${printable(message)}`;
    const excerpt = line === undefined ? undefined : lines[line - 1];
    return [
      head,
      ...(excerpt === undefined ? [] : [excerptText(excerpt, line ?? 1, column ?? 1, style)]),
      ...notes.map(({ label, text }) => `  ${style.dim(`${label}:`)} ${printable(text)}`),
    ].join('\n');
  };
}

const excerptWidth = 120;

/** The source line and a caret under the column; of a long line the part around the column. */
function excerptText(text: string, line: number, column: number, style: Style): string {
  const from = column > excerptWidth - 20 ? column - 1 - excerptWidth / 2 : 0;
  const cut = text.slice(from, from + excerptWidth);
  const before = printable(text.slice(from, column - 1));
  const gutter = String(line);
  const head = from > 0 ? '…' : '';
  return [
    `${style.dim(`  ${gutter} |`)} ${head}${printable(cut)}${text.length > from + excerptWidth ? '…' : ''}`,
    `${style.dim(`  ${' '.repeat(gutter.length)} |`)} ${' '.repeat(head.length + before.length)}${style.red('^')}`,
  ].join('\n');
}
