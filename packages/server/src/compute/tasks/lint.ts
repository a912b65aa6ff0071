import {
  createLintMemory,
  type Effect,
  type LintOptions,
  type LintReport,
  type Lists,
  lint,
  lintSource,
  listsUsed,
  parseBundleSource,
  type RuleInput,
} from '@policy-studio/engine';
import type { TaskContext } from '../answer-calls.js';
import { type CatalogText, compiledFrom } from '../catalog-text.js';

/** What findings depend on, besides the rules and the lists they read. */
export interface LintSetup {
  readonly defaultEffect: Effect;
  readonly catalog: CatalogText;
  readonly catalogMode: 'strict' | 'open';
  readonly enforceContext: boolean;
  readonly severities: LintOptions['severities'];
}

/** Rules as text: a JSON object with a member `rules`, or a bundle document. */
export type RulesText =
  | { readonly format: 'body'; readonly text: string }
  | { readonly format: 'json' | 'yaml'; readonly text: string };

export interface LintInput {
  readonly source: RulesText;
  readonly setup: LintSetup;
}

export interface Linted {
  readonly report: LintReport;
  /** The lists they read, with their digests; null where there is none. */
  readonly listsRead: Readonly<Record<string, string | null>>;
}

/** What a task asks its caller: the lists of these names. */
export interface ListsQuestion {
  readonly lists: readonly string[];
}
/** Those that there are, as a JSON object of the engine's `Lists`, and their digests. */
export interface ListsAnswer {
  readonly text: string;
  readonly digests: Readonly<Record<string, string>>;
  /** Names of other lists, to offer for one that is not there; none while all are. */
  readonly otherNames: readonly string[];
}

/**
 * This thread's memory of earlier lints, whosever rules they were: it holds what follows from equal rules, and only that.
 */
const memory = createLintMemory();

/** The report on rules of whatever kind. Asks for the lists they name. */
export async function lintRules({ source, setup }: LintInput, context: TaskContext): Promise<Linted> {
  const { format, text } = source;
  if (format === 'body') return lintWithLists((JSON.parse(text) as { rules?: unknown }).rules, setup, context);
  const read = parseBundleSource(text, format);
  const { options, listsRead } = await optionsFor(Array.isArray(read) ? [] : read.rules, setup, context);
  return { report: lintSource(text, format, options), listsRead };
}

/** The same of rules that are read already. */
export async function lintWithLists(rules: unknown, setup: LintSetup, context: TaskContext): Promise<Linted> {
  const { options, listsRead } = await optionsFor(rules, setup, context);
  return { report: lint(rules, options), listsRead };
}

async function optionsFor(
  rules: unknown,
  { catalog, ...setup }: LintSetup,
  context: TaskContext,
): Promise<{ options: LintOptions; listsRead: Linted['listsRead'] }> {
  const names = namedLists(rules);
  const { lists, digests, otherNames } = await askForLists(names, context);
  return {
    options: {
      ...setup,
      lists,
      listNames: otherNames,
      catalog: compiledFrom(catalog),
      severities: setup.severities ?? {},
      memory,
    },
    listsRead: Object.fromEntries(names.map((name) => [name, digests[name] ?? null])),
  };
}

/** The lists of these names that the caller's workspace has. */
export async function askForLists(
  names: readonly string[],
  context: TaskContext,
): Promise<{ lists: Lists } & Omit<ListsAnswer, 'text'>> {
  if (names.length === 0) return { lists: {}, digests: {}, otherNames: [] };
  const { text, ...rest } = (await context.ask({ lists: names } satisfies ListsQuestion)) as ListsAnswer;
  return { lists: JSON.parse(text) as Lists, ...rest };
}

/** Whatever they are: what is no rule names no list. */
function namedLists(rules: unknown): string[] {
  if (!Array.isArray(rules)) return [];
  const records = rules.filter((rule) => typeof rule === 'object' && rule !== null && !Array.isArray(rule));
  return listsUsed(records as readonly RuleInput[]);
}
