import type { Diagnostic, Path } from '../diagnostic.js';
import { limits } from '../limits.js';
import { longerThan } from '../parse-condition.js';
import { limitError, type Position, type SourceDocument, sourceError } from '../source.js';
import { readJson } from '../source-json.js';
import { readYaml } from '../source-yaml.js';
import { caseLimits, type SimulationCase } from './case.js';
import { isMembers } from './expectation.js';
import { createCaseReader } from './read-case.js';
import { readCsv } from './read-csv.js';

export type CaseFormat = 'json' | 'jsonl' | 'csv' | 'yaml';

export interface CaseSource {
  readonly cases: readonly SimulationCase[];
  /** Where the case with this index begins in the text; null for one that is not there. */
  locate(index: number): Position | null;
}

/** Values with their places in a text. */
export interface CaseValues {
  readonly values: readonly unknown[];
  locate(path: Path): Position | null;
}

/**
 * Cases as people write them. JSON and YAML: a list, or `{cases: [...]}`; JSONL: one a line; CSV: a header, then one a
 * row. A case is `{case_id | name, agent, action, context?, facts?, expect?}`, `expect` being an effect or `{effect?, rule?,
 * reason?}`, which may be spelled `expected_effect` and so on; unknown keys are errors, so that a mistyped expectation is not one that always holds. At most 100,000 cases in 16 MiB
 * (YAML 4 MiB). Otherwise everything that is wrong, at most 1,000 findings, with line and column. Never throws.
 */
export function parseCases(text: string, format: CaseFormat): CaseSource | Diagnostic[] {
  const bytes = format === 'yaml' ? limits.yamlBytes : limits.sourceBytes;
  if (longerThan(text, bytes)) {
    return [limitError(`a file of cases has at most ${bytes / 1024 / 1024} MiB: split it`, null)];
  }
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const source = valuesIn(plain, format);
  if (Array.isArray(source)) return source;
  const { values, locate } = source as CaseValues;
  const cases = readCaseList(values);
  if (cases.kind === 'refused') {
    return cases.diagnostics.map((problem) => ({ ...problem, ...locate(problem.path) }));
  }
  return { cases: cases.cases, locate: (index) => (index in values ? locate([index]) : null) };
}

/** As `parseCases`, of values that are no text: a request's `custom_cases`. Paths begin with the index of the case. */
export function parseCaseList(values: readonly unknown[]): SimulationCase[] | { readonly diagnostics: Diagnostic[] } {
  const read = readCaseList(values);
  return read.kind === 'refused' ? { diagnostics: read.diagnostics } : read.cases;
}

function tooMany(cases: number | null): Diagnostic[] {
  const more = cases === null ? 'more' : String(cases);
  return [limitError(`a data set has at most ${caseLimits.cases} cases and this one has ${more}: split it`, null)];
}

type CaseList =
  | { readonly kind: 'read'; readonly cases: SimulationCase[] }
  | { readonly kind: 'refused'; readonly diagnostics: Diagnostic[] };

function readCaseList(values: readonly unknown[]): CaseList {
  if (values.length > caseLimits.cases) {
    return { kind: 'refused', diagnostics: tooMany(values.length) };
  }
  const diagnostics: Diagnostic[] = [];
  const cases: SimulationCase[] = [];
  const reader = createCaseReader((message, path) => {
    diagnostics.push(sourceError(message, null, path));
  });
  for (let i = 0; i < values.length && diagnostics.length < limits.diagnostics; i++) {
    const one = reader.read(values[i], i);
    if (one !== null) cases.push(one);
  }
  if (diagnostics.length === 0) return { kind: 'read', cases };
  return { kind: 'refused', diagnostics: diagnostics.slice(0, limits.diagnostics) };
}

function valuesIn(text: string, format: CaseFormat): CaseValues | Diagnostic[] {
  switch (format) {
    case 'jsonl':
      return readLines(text);
    case 'csv':
      return readCsv(text);
    default: {
      const document = format === 'json' ? readJson(text) : readYaml(text);
      return Array.isArray(document) ? document : listIn(document);
    }
  }
}

function listIn(document: SourceDocument): CaseValues | Diagnostic[] {
  const { value } = document;
  if (Array.isArray(value)) return { values: value, locate: (path) => document.locate(path) };
  if (isMembers(value) && Array.isArray(value.cases)) {
    const [other] = Object.keys(value).filter((key) => key !== 'cases');
    if (other === undefined) return { values: value.cases, locate: (path) => document.locate(['cases', ...path]) };
    const message = 'beside `cases` there is nothing: a suite with rules and expectations is a `.policytest.yaml`';
    return [sourceError(message, document.locate([other]), [other])];
  }
  return [sourceError('cases are a list, or an object with `cases`', document.locate([]))];
}

interface Line {
  readonly document: SourceDocument;
  readonly line: number;
}

function readLines(text: string): CaseValues | Diagnostic[] {
  const found: Diagnostic[] = [];
  const lines: Line[] = [];
  for (const [i, each] of text.split(/\r\n|\n|\r/).entries()) {
    if (each.trim() === '') continue;
    if (lines.length >= caseLimits.cases) return tooMany(null);
    const document = readJson(each);
    if (!Array.isArray(document)) {
      lines.push({ document, line: i + 1 });
      continue;
    }
    for (const problem of document) found.push({ ...problem, line: i + 1 });
    if (found.length >= limits.diagnostics) break;
  }
  if (found.length > 0) return found.slice(0, limits.diagnostics);
  return {
    values: lines.map(({ document }) => document.value),
    locate: ([index, ...path]) => {
      const at = lines[index as number];
      const place = at?.document.locate(path);
      return at === undefined || place == null ? null : { ...place, line: at.line };
    },
  };
}
