import { CsvError, parse } from 'csv-parse/browser/esm/sync';
import { type Diagnostic, hint, nearest, type Path, quoted } from '../diagnostic.js';
import { limits } from '../limits.js';
import { type Position, sourceError } from '../source.js';
import { caseLimits } from './case.js';
import type { CaseValues } from './parse-cases.js';

/** Columns that are members of the case; every other one is a path into the context. */
const memberColumns = ['case_id', 'agent', 'action', 'expected_effect', 'expected_rule', 'expected_reason'];
const absentNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

interface Row {
  readonly cells: readonly string[];
  /** Its first line. */
  readonly line: number;
}

/**
 * Cases of CSV (RFC 4180, commas). A cell of a context column is the JSON value it is written as (`95`, `true`, `null`,
 * `"95"`, `["a"]`), else its text; an empty one is absent. An expected rule of `null` means none.
 */
export function readCsv(text: string): CaseValues | Diagnostic[] {
  const rows = rowsOf(text);
  if (!('header' in rows)) return rows;
  const { header, body } = rows;
  const columns = columnsOf(header);
  if (!('paths' in columns)) return columns;
  const found: Diagnostic[] = [];
  const values = body.map((row) => {
    if (row.cells.length === header.cells.length) return caseOf(header.cells, columns.paths, row.cells);
    const message = `the row has ${row.cells.length} cells and the header ${header.cells.length}: quote texts that hold commas`;
    if (found.length < limits.diagnostics) found.push(sourceError(message, startOf(row)));
    return null;
  });
  if (found.length > 0) return found;
  return { values, locate: ([index]) => placeOf(body[index as number]) };
}

const errorMessages: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quoted cell has no end: close its `"`',
  INVALID_OPENING_QUOTE: 'a quote stands inside a cell: quote the whole cell and double the quotes in it',
  CSV_INVALID_CLOSING_QUOTE:
    'after the closing quote of a cell comes a comma or the end of the line; double a quote inside',
  CSV_MAX_RECORD_SIZE: 'a row has at most 128 KiB: is a quote not closed?',
};

function rowsOf(text: string): { header: Row; body: Row[] } | Diagnostic[] {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, {
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      record_delimiter: ['\r\n', '\n', '\r'],
      max_record_size: 2 * limits.contextBytes,
      // The header and one row more than there may be, so that too many are noticed.
      to: caseLimits.cases + 2,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Reflect.get(error, 'lines');
    const message = errorMessages[error.code] ?? 'this is not CSV';
    return [sourceError(message, typeof line === 'number' ? { line, column: 1 } : null)];
  }
  const rows = records.map(({ record, info }): Row => {
    const breaks = record.reduce((sum, cell) => sum + (cell.match(/\r\n|\n|\r/g)?.length ?? 0), 0);
    return { cells: record, line: Math.max(1, info.lines - breaks) };
  });
  const [header, ...body] = rows;
  if (header === undefined) return [sourceError('the file is empty: write a header with `agent` and `action`', null)];
  return { header, body };
}

function columnsOf(header: Row): { paths: (Path | null)[] } | Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (message: string) => found.push(sourceError(message, startOf(header)));
  const names = header.cells.map((cell) => cell.trim());
  const seen = new Set<string>();
  const paths = names.map((name): Path | null => {
    if (seen.has(name)) report(`the column ${quoted(name)} stands twice in the header`);
    seen.add(name);
    if (memberColumns.includes(name)) return null;
    const segments = name.split('.');
    if (segments[0] === 'context') report('a column is a path into the context: write `amount`, not `context.amount`');
    else if (name === 'expect') report('what is expected stands in `expected_effect` and `expected_rule`');
    else if (segments.includes('')) report(`the column ${quoted(name)} is no path: write \`field\` or \`outer.inner\``);
    else if (segments.some((segment) => absentNames.has(segment)))
      report(`no rule can read ${quoted(name)}: rename it`);
    else if (segments.length >= limits.contextDepth) report(`the column ${quoted(name)} is nested too deep`);
    return segments;
  });
  for (const name of ['agent', 'action']) {
    if (!seen.has(name)) report(`the header has no column \`${name}\`${instead(name, names)}`);
  }
  for (const name of found.length > 0 ? [] : names) {
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const outer = name.slice(0, dot);
      if (seen.has(outer)) report(`${quoted(outer)} cannot be a column beside ${quoted(name)}: it is an object then`);
    }
  }
  // A near miss would be read as a context field, and the expectation lost.
  for (const name of names) {
    const meant = memberColumns.includes(name) ? '' : hint(name, memberColumns.slice(3));
    if (meant !== '') report(`the column ${quoted(name)} is no expectation${meant}`);
  }
  return found.length > 0 ? found.slice(0, limits.diagnostics) : { paths };
}

/** What to write, where a column is nearly called so or the cells are not told apart. */
function instead(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  if (near !== null) return `: rename ${quoted(near)}`;
  const [only = ''] = names;
  return names.length === 1 && /[;\t|]/.test(only) ? ': put commas between the cells' : '';
}

function caseOf(header: readonly string[], paths: readonly (Path | null)[], cells: readonly string[]): unknown {
  const found: Record<string, unknown> = {};
  const context: Record<string, unknown> = {};
  cells.forEach((cell, column) => {
    const path = paths[column];
    if (cell === '') return;
    if (path == null) {
      const name = (header[column] as string).trim();
      found[name] = name === 'expected_rule' && cell === 'null' ? null : cell;
    } else place(context, path as readonly string[], jsonOrText(cell));
  });
  return { ...found, context };
}

function place(context: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let object = context;
  for (const segment of path.slice(0, -1)) {
    if (!Object.hasOwn(object, segment)) object[segment] = {};
    object = object[segment] as Record<string, unknown>;
  }
  object[path.at(-1) as string] = value;
}

function jsonOrText(cell: string): unknown {
  // The first character rules most texts out.
  if (!/^\s*[-0-9"[{tfn]/.test(cell)) return cell;
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

function startOf(row: Row): Position {
  return { line: row.line, column: 1 };
}

function placeOf(row: Row | undefined): Position | null {
  return row === undefined ? null : startOf(row);
}
