import type { Effect } from '@policy-studio/engine';

/** Where a command reads and writes; made by main.ts from the process, by nobody else. */
export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Printer;
  readonly err: Printer;
  readonly now: () => number;
}

export interface Printer {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly style: Style;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

const plain = (text: string): string => text;
export const noStyle: Style = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };

const sgr =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`;
const ansi: Style = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  red: sgr(31, 39),
  green: sgr(32, 39),
  yellow: sgr(33, 39),
};

/** Colour on a terminal, unless `NO_COLOR` is set (to anything but nothing) or the terminal is `dumb`. */
export function styleFor(isTerminal: boolean, env: Terminal['env']): Style {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb' ? ansi : noStyle;
}

export function effectStyle(style: Style, effect: Effect): (text: string) => string {
  return { allow: style.green, deny: style.red, needs_approval: style.yellow }[effect];
}

/** Control characters and those that reorder text, so that recorded data cannot drive a terminal. */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Foreign text, safe to show on one line. */
export function printable(text: string): string {
  return text.replace(unprintable, (char) => {
    const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[char];
    return known ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** At most `width` characters, the last an ellipsis where something was cut. */
export function clipped(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** A JSON value on one line, clipped and printable. */
export function shown(value: unknown, width = 100): string {
  return value === undefined ? '' : printable(clipped(JSON.stringify(value), width));
}

/** Indented JSON. What could drive a terminal is escaped, which JSON allows inside its strings, the only place it can stand. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2).split('\n').map(printable).join('\n')}\n`;
}

export interface Column {
  readonly title: string;
  readonly align?: 'right';
  readonly style?: (cell: string) => string;
}

/**
 * A table of text: columns as wide as their widest cell, two spaces between them, no space at the end of a line. A column
 * of which only the title is said is plain text.
 */
export function table(heads: readonly (Column | string)[], rows: readonly (readonly string[])[], style: Style): string {
  const columns = heads.map((head): Column => (typeof head === 'string' ? { title: head } : head));
  const widths = columns.map(({ title }, index) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[index] ?? ''))),
  );
  const line = (cells: readonly string[], paint: (cell: string, column: Column) => string): string =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? '';
        const gap = ' '.repeat((widths[index] ?? 0) - displayWidth(cell));
        const painted = cell === '' ? cell : paint(cell, column);
        if (column.align === 'right') return gap + painted;
        return index === columns.length - 1 ? painted : painted + gap;
      })
      .join('  ')
      .trimEnd();
  const head = columns.some(({ title }) => title !== '')
    ? [
        line(
          columns.map(({ title }) => title),
          (cell) => style.dim(cell),
        ),
      ]
    : [];
  const body = rows.map((row) => line(row, (cell, column) => (column.style ?? plain)(cell)));
  return [...head, ...body].map((text) => `${text}\n`).join('');
}

const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/gu;

function displayWidth(text: string): number {
  let width = 0;
  for (const char of text.normalize('NFC')) width += char.match(wide) === null ? 1 : 2;
  return width;
}

export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

export function share(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A time of the wire, to the minute, in UTC; `-` for none. */
export function moment(timestamp: string | null): string {
  return timestamp === null ? '-' : `${timestamp.slice(0, 16).replace('T', ' ')} UTC`;
}
