import {
  type BundleSource,
  type Finding,
  type LintOptions,
  type LintReport,
  lintSource,
  parseBundleSource,
} from '@policy-studio/engine';
import type { CatalogSource } from '../catalog-file.js';
import type { TextFile } from '../input.js';
import { shown } from '../output.js';
import type { Check, CheckedFile, Note, Problem, RelatedPlace } from '../report/report.js';

export type LintSettings = Omit<LintOptions, 'catalog'> & { readonly catalog: CatalogSource | null };

/** A file of rules, as lint sees it. */
export interface LintedFile {
  readonly file: TextFile;
  readonly report: LintReport;
  readonly checked: CheckedFile;
}

/** Everything to say about the rules of a file. */
export function lintFile(file: TextFile, settings: LintSettings): LintedFile {
  const source = parseBundleSource(file.text, file.format);
  const report = lintSource(file.text, file.format, lintOptions(source, settings));
  return { file, report, checked: { file, checks: checksOf(report, source) } };
}

export function lintOptions(source: ReturnType<typeof parseBundleSource>, settings: LintSettings): LintOptions {
  const { catalog, ...options } = settings;
  if (catalog === null || Array.isArray(source)) return options;
  return { ...options, catalog: catalog.compiledFor(source.rules) };
}

/** A check for each rule, and one for the file. */
function checksOf(
  { errors, warnings, info, suppressed }: LintReport,
  source: ReturnType<typeof parseBundleSource>,
): Check[] {
  const rules = Array.isArray(source) ? [] : source.rules;
  const places = placesOf(source);
  const byRule = new Map<number, Problem[]>();
  const ofFile: Problem[] = [];
  const add = (finding: Finding, reason?: string) => {
    const problem = problemOf(finding, places, reason);
    const [index] = finding.path;
    if (typeof index !== 'number') ofFile.push(problem);
    else byRule.set(index, [...(byRule.get(index) ?? []), problem]);
  };
  for (const finding of [...errors, ...warnings, ...info]) add(finding);
  for (const { reason, ...finding } of suppressed) add(finding, reason);
  const names = new Map<string, number>();
  const named = rules.map((rule, index): Check => {
    const id = idOf(rule) ?? `rule ${index + 1}`;
    const times = (names.get(id) ?? 0) + 1;
    names.set(id, times);
    return { name: times === 1 ? id : `${id} (${times})`, problems: byRule.get(index) ?? [] };
  });
  return [{ name: 'the file as a whole', problems: ofFile }, ...named];
}

type Places = (ruleId: string) => Problem['place'];

/** Finds rules by their ids, once somebody asks. */
function placesOf(source: BundleSource | readonly unknown[]): Places {
  let indexes: Map<string, number> | null = null;
  return (id) => {
    if (!('rules' in source)) return null;
    indexes ??= new Map(source.rules.map((rule, index) => [idOf(rule) ?? '', index] as const).reverse());
    const index = indexes.get(id);
    return index === undefined ? null : source.locate([index]);
  };
}

function problemOf(finding: Finding, places: Places, reason?: string): Problem {
  const { code, severity, message, rule_id, line, column, related = [] } = finding;
  return {
    code,
    severity,
    message,
    ruleId: rule_id,
    place: line === null || line < 1 ? null : { line, column: column ?? 1 },
    notes: notesOf(
      finding,
      related.map((id) => ({ message: id, place: places(id) })),
    ),
    related: related.map((id) => ({ message: id, place: places(id) })),
    ...(reason === undefined ? {} : { suppressed: reason }),
  };
}

const relatedNamed = 5;

function notesOf({ witness, suggestion }: Finding, related: readonly RelatedPlace[]): Note[] {
  const named = related
    .slice(0, relatedNamed)
    .map(({ message, place }) => (place === null ? message : `${message} (line ${place.line})`));
  const more = related.length > relatedNamed ? ` and ${related.length - relatedNamed} more` : '';
  return [
    ...(named.length === 0 ? [] : [{ label: 'see', text: `${named.join(', ')}${more}` }]),
    ...(witness === undefined ? [] : [{ label: 'for example', text: shown(witness, 400) }]),
    ...(suggestion === null ? [] : [{ label: 'try', text: suggestion.message }]),
  ];
}

function idOf(rule: unknown): string | null {
  const id = typeof rule === 'object' && rule !== null ? Reflect.get(rule, 'id') : undefined;
  return typeof id === 'string' ? id : null;
}
