import { extname } from 'node:path';
import {
  type CaseFormat,
  type CompiledCatalog,
  type CompiledPolicy,
  type Diagnostic,
  fixtures,
  type Position,
  parseCases,
  parseSuite,
  type SimulationCase,
  syntheticCases,
} from '@policy-studio/engine';
import { CommandFailure, exitCodes, unusable } from '../exit-code.js';
import { findingsText } from '../findings-text.js';
import { displayName, readWhole, type TextFile, wholeText } from '../input.js';
import { plural, type Terminal } from '../output.js';
import { holdsRules, isSuiteName } from '../source-files.js';

/** The cases of a simulation, and where they come from. */
export interface Dataset {
  /** As the report calls it. */
  readonly name: string;
  readonly cases: readonly SimulationCase[];
  /** The file that holds them; null for cases that no file holds. */
  readonly file: Pick<TextFile, 'name' | 'text'> | null;
  /** The file is a suite of tests. */
  readonly isSuite: boolean;
  /** Where the case with this index stands in the file. */
  locate(index: number): Position | null;
}

export interface SyntheticChoice {
  readonly count: number;
  readonly seed: number;
  readonly catalog: CompiledCatalog | null;
}

/** The data set of this name: `fixtures`, `synthetic`, or a file of cases or of a test suite. */
export async function readDataset(
  name: string,
  policies: readonly CompiledPolicy[],
  choice: SyntheticChoice,
  terminal: Terminal,
): Promise<Dataset> {
  const made = { file: null, isSuite: false, locate: () => null };
  if (name === 'fixtures') return { ...made, name: plural(fixtures.length, 'fixture'), cases: fixtures };
  if (name === 'synthetic') {
    const cases = syntheticCases(policies, choice);
    return { ...made, name: `${plural(cases.length, 'synthetic case')} (seed ${choice.seed})`, cases };
  }
  return readCaseFile(name, terminal);
}

const formats: Readonly<Record<string, CaseFormat>> = {
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.csv': 'csv',
  '.yaml': 'yaml',
  '.yml': 'yaml',
};

async function readCaseFile(path: string, terminal: Terminal): Promise<Dataset> {
  const shownName = displayName(path);
  const format = path === '-' ? 'jsonl' : formats[extname(path).toLowerCase()];
  if (format === undefined) {
    throw unusable(
      `${shownName}: a data set is \`fixtures\`, \`synthetic\`, or a file that ends in .json, .jsonl, .csv, .yaml or .yml`,
    );
  }
  const text = wholeText(await readWhole(path, terminal), shownName);
  const file = { name: shownName, text };
  if (isSuiteName(path) && (format === 'json' || format === 'yaml')) {
    const suite = parseSuite(text, format);
    if (Array.isArray(suite)) throw invalidCases({ ...file, format }, suite, terminal);
    return {
      name: datasetName(suite.cases, shownName),
      cases: suite.cases,
      file,
      isSuite: true,
      locate: (index) => suite.locate(['cases', index]),
    };
  }
  const source = parseCases(text, format);
  if (Array.isArray(source)) {
    if ((format === 'json' || format === 'yaml') && holdsRules({ ...file, format })) {
      throw unusable(`${shownName}: holds rules, not cases: give the bundle first, and a data set with --dataset`);
    }
    throw invalidCases({ ...file, format: 'json' }, source, terminal);
  }
  return {
    name: datasetName(source.cases, shownName),
    cases: source.cases,
    file,
    isSuite: false,
    locate: (index) => source.locate(index),
  };
}

function datasetName(cases: readonly SimulationCase[], file: string): string {
  return `${plural(cases.length, 'case')} of ${file}`;
}

function invalidCases(file: TextFile, diagnostics: readonly Diagnostic[], terminal: Terminal): CommandFailure {
  return new CommandFailure(findingsText(file, diagnostics, terminal.err.style), exitCodes.findings);
}
