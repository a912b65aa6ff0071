import { changeChecks, diffJson } from '../diff/compare-rules.js';
import { diffText } from '../diff/diff-text.js';
import { lintText, totalOf } from '../lint/lint-text.js';
import { plural, printable, type Style } from '../output.js';
import type { Check, CheckedFile, Problem, Report } from '../report/report.js';
import type { Step } from './apply.js';
import type { FolderFile } from './documents.js';
import type { PolicyFolder } from './folder.js';
import type { InForce } from './in-force.js';
import { type ItemState, itemKey, type SyncItem } from './item.js';
import type { Review } from './review.js';

/** How a folder and a server stand to each other. */
export interface Standing {
  readonly folder: PolicyFolder;
  /** The commit that the folder is at; null where it is in no repository. */
  readonly commit: string | null;
  readonly items: readonly SyncItem[];
  readonly inForce: InForce;
  /** Not made for `drift`. */
  readonly review: Review | null;
}

/** Nothing to create, change or delete, nothing gone or in conflict, and the highest version in force, by itself. */
export function isInStep({ items, inForce }: Standing): boolean {
  const { state, emergencies } = inForce;
  const settled = state === 'in_step' || state === 'none';
  return items.every((item) => item.state === 'same') && settled && emergencies.length === 0;
}

export function conflictsIn({ items }: Pick<Standing, 'items'>): SyncItem[] {
  return items.filter(({ state }) => state === 'conflict');
}

export function lintErrors({ review }: Pick<Standing, 'review'>): number {
  return review === null ? 0 : totalOf(review.linted).errors;
}

export function standingJson(standing: Standing): Record<string, unknown> {
  const { commit, items, inForce, review } = standing;
  return {
    commit,
    in_step: isInStep(standing),
    items: items.map((item) => ({
      key: itemKey(item),
      kind: item.kind,
      name: item.name,
      state: item.state,
      file: item.file,
      message: item.message,
    })),
    in_force: { ...inForce },
    ...(review === null
      ? {}
      : {
          lint: {
            files: review.linted.map(({ file, report }) => ({ file: file.name, ...report })),
            summary: totalOf(review.linted),
          },
          diff: review.compared === null ? null : diffJson(review.compared.result),
        }),
  };
}

const marks: Readonly<Record<ItemState, string>> = {
  same: '=',
  create: '+',
  update: '~',
  delete: '-',
  gone: '?',
  conflict: '!',
};

export function standingText(standing: Standing, style: Style): string {
  const { items, inForce, review } = standing;
  const paint: Readonly<Record<ItemState, (text: string) => string>> = {
    same: style.dim,
    create: style.green,
    update: style.yellow,
    delete: style.red,
    gone: style.yellow,
    conflict: style.red,
  };
  const lines = items
    .filter(({ state }) => state !== 'same')
    .map((item) => {
      const { state, message } = item;
      const key = printable(itemKey(item));
      return `${paint[state](`${marks[state]} ${state.padEnd(8)}`)} ${key}${message === '' ? '' : `: ${printable(message)}`}\n`;
    });
  const unchanged = items.length - lines.length;
  const counted = `${plural(lines.length, 'difference')}, ${unchanged} the same\n`;
  const force = [inForce.message, ...inForce.emergencies].map((line) => `${printable(line)}\n`);
  const parts = [[...lines, style.bold(counted)].join(''), force.join('')];
  if (review !== null) {
    const failing = review.linted.some(({ report }) => report.summary.total_issues > 0);
    if (failing) parts.push(lintText(review.linted, style));
    if (review.compared !== null) {
      const { result, named } = review.compared;
      parts.push(diffText(result, named, style));
    }
  }
  return parts.join('\n');
}

/** The same for the formats of checking commands: what stands in the way is an error, what would change a note. */
export function standingReport(command: string, standing: Standing, result: unknown): Report {
  const { folder, items, inForce, review } = standing;
  const files = new Map<string, CheckedFile>();
  const add = (file: Pick<FolderFile, 'name' | 'text'>, checks: readonly Check[]) => {
    const there = files.get(file.name);
    files.set(file.name, { file, checks: [...(there?.checks ?? []), ...checks] });
  };
  for (const { checked } of review?.linted ?? []) add(checked.file, checked.checks);
  for (const item of items) add(fileOf(folder, item.file), [itemCheck(item, command)]);
  if (review?.compared) {
    // That something is decided otherwise is what a pull request is for.
    const noted = changeChecks(review.compared).map(({ name, problems }) => ({
      name,
      problems: problems.map((problem): Problem => ({ ...problem, severity: 'info' })),
    }));
    add(review.compared.after.file, noted);
  }
  const head = folder.bundles.at(-1);
  add(head?.file ?? { name: folder.path, text: '' }, [inForceCheck(inForce, command)]);
  return { command, files: [...files.values()], result };
}

function fileOf(
  { path, bundles, lists, catalog, settings }: PolicyFolder,
  name: string,
): Pick<FolderFile, 'name' | 'text'> {
  const held = [...bundles, ...lists.values(), ...(catalog ? [catalog] : []), ...(settings ? [settings] : [])];
  return held.find(({ file }) => file.path === name)?.file ?? { name: `${path}/${name}`, text: '' };
}

function itemCheck(item: SyncItem, command: string): Check {
  const { state, message, place } = item;
  const key = itemKey(item);
  if (state === 'same') return { name: key, problems: [] };
  const isConflict = state === 'conflict';
  const told = `\`${key}\`: ${isConflict ? '' : `${state}${message === '' ? '' : ': '}`}${message}`;
  const severity = isConflict ? 'error' : command === 'sync drift' ? 'warning' : 'info';
  const code = isConflict ? 'sync-conflict' : 'out-of-step';
  return { name: key, problems: [{ ...unplaced, code, severity, message: told, place }] };
}

function inForceCheck({ state, message, emergencies }: InForce, command: string): Check {
  const severity = command === 'sync drift' ? 'warning' : 'info';
  const told = [...(state === 'in_step' || state === 'none' ? [] : [message]), ...emergencies];
  const problems = told.map((each): Problem => ({ ...unplaced, code: 'not-in-force', severity, message: each }));
  return { name: 'the highest version is in force', problems };
}

const unplaced = { ruleId: null, place: null, notes: [], related: [] } as const;

export function stepsJson(steps: readonly Step[]): object[] {
  return steps.map(({ key, state, message, approvalId }) => ({ key, state, message, approval_id: approvalId }));
}

/** What was done, and how things stand. */
export function stepsText({ items, commit, inForce }: Standing, steps: readonly Step[], style: Style): string {
  const paint: Readonly<Record<Step['state'], (text: string) => string>> = {
    created: style.green,
    updated: style.yellow,
    deleted: style.red,
    waits: style.yellow,
    refused: style.red,
  };
  const lines = steps.map(({ key, state, message }) => {
    return `${paint[state](state.padEnd(8))} ${printable(key)}${message === '' ? '' : `: ${printable(message)}`}\n`;
  });
  const gone = items
    .filter(({ state }) => state === 'gone')
    .map((item) => `${style.dim('left'.padEnd(8))} ${printable(itemKey(item))}: ${printable(item.message)}\n`);
  const at = `at commit ${(commit ?? '').slice(0, 12)}`;
  if (lines.length === 0) lines.push(`nothing to do ${at}\n`);
  const force = [inForce.message, ...inForce.emergencies].map((line) => `${printable(line)}\n`);
  return [...lines, ...gone, ...(steps.some(({ key }) => key === `bundle:${inForce.head}`) ? [] : force)].join('');
}

/** What was refused is an error where it is written, what waits for people a note. */
export function stepChecks(
  files: readonly CheckedFile[],
  { folder, items }: Standing,
  steps: readonly Step[],
): CheckedFile[] {
  const open = steps.filter(({ state }) => state === 'refused' || state === 'waits');
  return [
    ...files,
    ...open.map(({ key, state, message }): CheckedFile => {
      const item = items.find((each) => itemKey(each) === key);
      const severity = state === 'refused' ? 'error' : 'info';
      const place = item?.place ?? null;
      const problem: Problem = {
        ...unplaced,
        code: 'sync-refused',
        severity,
        message: `\`${key}\`: ${message}`,
        place,
      };
      const file = item === undefined ? { name: folder.path, text: '' } : fileOf(folder, item.file);
      return { file, checks: [{ name: `${key} on the server`, problems: [problem] }] };
    }),
  ];
}
