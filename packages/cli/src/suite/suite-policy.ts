import { dirname, join } from 'node:path';
import {
  type BundleSource,
  type CompiledCatalog,
  type CompiledPolicy,
  compile,
  type Diagnostic,
  type Effect,
  type PolicySuite,
  type Position,
  parseBundleSource,
  type RuleInput,
} from '@policy-studio/engine';
import { readCatalogFor } from '../catalog-file.js';
import { CommandFailure } from '../exit-code.js';
import { readText, type TextFile } from '../input.js';
import type { Terminal } from '../output.js';
import { readLists } from '../rules-file.js';

/** A file of rules, and where its rules begin among all those of the policy. */
interface RulesPart {
  readonly file: TextFile;
  readonly source: BundleSource;
  readonly first: number;
}

/** The policy that suites test: the rules of one or several files. */
export interface SuitePolicy {
  /** The paths of its files. */
  readonly files: readonly string[];
  readonly defaultEffect: Effect;
  readonly policy: CompiledPolicy;
  readonly catalog: CompiledCatalog | null;
  /** Ids of its rules, in the order of the files. */
  readonly ruleIds: readonly string[];
  /** Where a rule stands. */
  placeOf(ruleId: string): { readonly file: TextFile; readonly place: Position | null } | null;
}

/** What is wrong with a file that a suite names. `file` null: it cannot be read. */
export interface PolicyFault {
  readonly file: TextFile | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads and compiles what the suite names, from where the suite is. */
export async function suitePolicy(
  suite: PolicySuite,
  suitePath: string,
  terminal: Terminal,
): Promise<SuitePolicy | PolicyFault[]> {
  const folder = suitePath === '-' ? '.' : dirname(suitePath);
  const parts: RulesPart[] = [];
  const faults: PolicyFault[] = [];
  let first = 0;
  for (const [index, written] of suite.rules.entries()) {
    const file = await readNamed(join(folder, written), ['rules', index], terminal);
    if ('diagnostics' in file) {
      faults.push(file);
      continue;
    }
    const source = parseBundleSource(file.text, file.format);
    if (Array.isArray(source)) {
      faults.push({ file, diagnostics: source });
      continue;
    }
    parts.push({ file, source, first });
    first += source.rules.length;
  }
  const { lists, catalog } = suite;
  const rules = parts.flatMap(({ source }) => source.rules);
  const known = await readAt('lists', () => readLists(pathFrom(folder, lists) ?? undefined, terminal));
  const allowed = await readAt('catalog', () => readCatalogFor([{ rules }], pathFrom(folder, catalog), terminal));
  if ('diagnostics' in known) faults.push(known);
  if ('diagnostics' in allowed) faults.push(allowed);
  if (faults.length > 0 || 'diagnostics' in known || 'diagnostics' in allowed) return faults;
  const policy = compile({ rules: rules as readonly RuleInput[] }, known.read, {
    defaultEffect: suite.default_effect,
  });
  if (Array.isArray(policy)) return located(policy, parts);
  const ids = (rules as readonly RuleInput[]).map(({ id }) => id);
  return {
    files: parts.map(({ file }) => file.name),
    defaultEffect: suite.default_effect,
    policy,
    catalog: allowed.read,
    ruleIds: ids,
    placeOf: (id) => {
      const index = ids.indexOf(id);
      const part = partOf(parts, index);
      return part === undefined ? null : { file: part.file, place: part.source.locate([index - part.first]) };
    },
  };
}

/** The file, or that it cannot be read, at its place in the suite. */
async function readNamed(path: string, at: (string | number)[], terminal: Terminal): Promise<TextFile | PolicyFault> {
  try {
    return await readText(path, terminal);
  } catch (error) {
    return unreadable(error, at);
  }
}

async function readAt<T>(key: string, read: () => Promise<T>): Promise<{ readonly read: T } | PolicyFault> {
  try {
    return { read: await read() };
  } catch (error) {
    return unreadable(error, [key]);
  }
}

/** The path from the folder on; the word `default` names a catalog that no file holds. */
function pathFrom(folder: string, path: string | null): string | null {
  return path === null || path === 'default' ? path : join(folder, path);
}

/** The file cannot be used, at its place in the suite; of several findings in it, the first. */
function unreadable(error: unknown, path: (string | number)[]): PolicyFault {
  if (!(error instanceof CommandFailure)) throw error;
  const [message = '', ...rest] = error.message.split('\n');
  const total = rest.at(-1);
  const more = total === undefined || total === '1 finding' ? '' : ` (${total})`;
  return { file: null, diagnostics: [{ code: 'invalid-source', message: `${message}${more}`, rule_id: null, path }] };
}

function partOf(parts: readonly RulesPart[], index: number): RulesPart | undefined {
  return index === -1 ? undefined : parts.findLast(({ first }) => first <= index);
}

/** Diagnostics of all rules together, each with the file it is about. */
function located(diagnostics: readonly Diagnostic[], parts: readonly RulesPart[]): PolicyFault[] {
  const byPart = new Map<RulesPart, Diagnostic[]>();
  for (const diagnostic of diagnostics) {
    const [index] = diagnostic.path;
    const part = typeof index === 'number' ? partOf(parts, index) : parts[0];
    if (part === undefined) continue;
    const path = typeof index === 'number' ? [index - part.first, ...diagnostic.path.slice(1)] : diagnostic.path;
    byPart.set(part, [...(byPart.get(part) ?? []), { ...diagnostic, ...(part.source.locate(path) ?? {}) }]);
  }
  return [...byPart].map(([{ file }, found]) => ({ file, diagnostics: found }));
}
