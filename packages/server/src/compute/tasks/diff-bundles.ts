import type { BundleDiff, ProblemItem, SemanticDiff } from '@policy-studio/contract';
import { jsonPointer } from '@policy-studio/contract';
import {
  bundleDigest,
  type CompiledCatalog,
  type CompiledPolicy,
  canonicalJson,
  compile,
  type Diagnostic,
  decide,
  type Effect,
  listsUsed,
  type PolicyDecision,
  type RuleInput,
  ruleChanges,
  semanticDiff,
  validateContext,
} from '@policy-studio/engine';
import type { RecordedRequest } from '../../features/decisions/queries.js';
import type { TaskContext } from '../answer-calls.js';
import { type CatalogText, compiledFrom } from '../catalog-text.js';
import { askForLists } from './lint.js';
import { type RecordFeed, recordedCases } from './recorded-cases.js';

export interface DiffSide {
  readonly version: string;
  /** An array of rules of sound structure, as JSON. */
  readonly rules: string;
}

export interface DiffInput {
  readonly a: DiffSide;
  readonly b: DiffSide;
  readonly defaultEffect: Effect;
  readonly catalog: CatalogText;
  readonly enforceContext: boolean;
  /** Of recorded requests. */
  readonly days: number;
  readonly feed: RecordFeed;
}

/** What the task asks for besides lists: the next page of recorded requests. */
export interface RecordsQuestion {
  readonly records: true;
}

/** Faults told of one bundle. */
const told = 100;

/** The `BundleDiff` of two bundles as JSON, made here because it may hold both of them. */
export async function diffBundles(input: DiffInput, context: TaskContext): Promise<Uint8Array> {
  const [a, b] = [JSON.parse(input.a.rules) as RuleInput[], JSON.parse(input.b.rules) as RuleInput[]];
  const { rules_added, rules_removed, rules_modified, summary } = ruleChanges(a, b);
  const { lists, otherNames: listNames } = await askForLists(listsUsed([...a, ...b]), context);
  const compiled = [a, b].map((rules) => compile({ rules }, lists, { defaultEffect: input.defaultEffect, listNames }));
  const [before, after] = compiled;
  const diff: BundleDiff = {
    version_a: input.a.version,
    version_b: input.b.version,
    rules_added: rules_added.map((rule) => ({ ...rule })),
    rules_removed: rules_removed.map((rule) => ({ ...rule })),
    rules_modified: rules_modified.map(({ id, before: was, after: is, changed_fields }) => {
      return { id, before: { ...was }, after: { ...is }, changed_fields: [...changed_fields] };
    }),
    summary,
    faults: [...faultsOf('a', before), ...faultsOf('b', after)],
    semantic: null,
    traffic: null,
  };
  if (isPolicy(before) && isPolicy(after)) {
    // Of the same rules with the same lists nothing is to be shown.
    const same = bundleDigest(a) === bundleDigest(b);
    Object.assign(diff, await decidedDiff(input, before, same ? before : after, context));
  }
  return new TextEncoder().encode(JSON.stringify(diff));
}

type Compiled = CompiledPolicy | Diagnostic[] | undefined;

function isPolicy(compiled: Compiled): compiled is CompiledPolicy {
  return compiled !== undefined && !Array.isArray(compiled);
}

function faultsOf(side: 'a' | 'b', compiled: Compiled): ProblemItem[] {
  if (!Array.isArray(compiled)) return [];
  return compiled
    .slice(0, told)
    .map(({ code, path, message }) => ({ code, path: jsonPointer([side, 'rules', ...path]), message }));
}

async function decidedDiff(
  { catalog: text, enforceContext, days, feed }: DiffInput,
  before: CompiledPolicy,
  after: CompiledPolicy,
  context: TaskContext,
): Promise<Pick<BundleDiff, 'semantic' | 'traffic'>> {
  const catalog = compiledFrom(text);
  const { equal, undecided, changes } =
    before === after
      ? { equal: true, undecided: [], changes: [] }
      : semanticDiff(before, after, {
          pairs: catalog.pairs(),
          ...(enforceContext ? { typing: catalog.typing } : {}),
        });
  const kinds = changes.map((change) => ({
    ...change,
    witness: { ...change.witness, context: { ...change.witness.context } },
    recorded: 0,
  }));
  const nextPage = () => context.ask({ records: true } satisfies RecordsQuestion) as Promise<RecordedRequest[]>;
  const { cases, replayable } = recordedCases(feed, [before, after], nextPage);
  const kindOf = kindFinder(kinds);
  let changed = 0;
  for await (const request of cases) {
    if (before === after || (enforceContext && isDenied(catalog, request))) continue;
    const [from, to] = [decide(before, request), decide(after, request)];
    if (outcome(from) === outcome(to)) continue;
    changed += 1;
    const kind = kindOf(request.agent, request.action, from.effect, to.effect);
    if (kind) kind.recorded += 1;
  }
  const { of: requests, n } = replayable();
  const semantic: SemanticDiff = { equal, undecided: undecided.map((each) => ({ ...each })), changes: kinds };
  return { semantic, traffic: { days, requests, replayable: n, changed } };
}

/** By the schema of its action, whatever the rules say. */
function isDenied(catalog: CompiledCatalog, { agent, action, context }: Parameters<typeof decide>[1]): boolean {
  const schema = catalog.schemaOf(agent, action);
  return schema !== null && validateContext(schema, context).length > 0;
}

function outcome({ effect, budget, min_approvers }: PolicyDecision): string {
  return canonicalJson([effect, budget, min_approvers]);
}

type Kind = SemanticDiff['changes'][number];

/** The kind of change that a request belongs to: that of the narrowest names that match its own. */
function kindFinder(kinds: readonly Kind[]): (agent: string, action: string, from: Effect, to: Effect) => Kind | null {
  const byNames = new Map(kinds.map((kind) => [`${kind.agent} ${kind.action} ${kind.from} ${kind.to}`, kind]));
  return (agent, action, from, to) => {
    for (const agentPattern of patternsFor(agent)) {
      for (const actionPattern of patternsFor(action)) {
        const kind = byNames.get(`${agentPattern} ${actionPattern} ${from} ${to}`);
        if (kind) return kind;
      }
    }
    return null;
  };
}

/** Every pattern that matches the name, the narrowest first. */
function patternsFor(name: string): string[] {
  const patterns = [name];
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    patterns.push(`${name.slice(0, dot)}.*`);
  }
  return [...patterns, '*'];
}
