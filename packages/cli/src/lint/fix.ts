import {
  type CompiledPolicy,
  combinePatches,
  compile,
  type Finding,
  fixedCodes,
  lintSource,
  type PatchOperation,
  parseBundleSource,
  patchSource,
  type RuleInput,
  type SemanticDiffOptions,
  semanticDiff,
} from '@policy-studio/engine';
import type { TextFile } from '../input.js';
import { type LintSettings, lintOptions } from './lint-file.js';

export interface Fixed {
  readonly text: string;
  /** What was applied, in order. */
  readonly applied: readonly Pick<Finding, 'code' | 'rule_id' | 'message'>[];
}

const mostRounds = 100;

/**
 * The text with the edits that lint suggests, as far as they are safe: each is one of which it is proven that no request
 * is decided otherwise (effect, budget, approvers); in a file that is not valid, which decides nothing yet, only what mends
 * it, effects left out. What the rest would change is for a person to judge, and so is what is only information: a rule that
 * changes nothing may still give a reason of its own.
 */
export function fixText({ text, format }: TextFile, settings: LintSettings): Fixed {
  const applied: Fixed['applied'][number][] = [];
  const refused = new Set<string>();
  let current = text;
  for (let round = 0; round < mostRounds; round++) {
    const source = parseBundleSource(current, format);
    if (Array.isArray(source)) break;
    const before = policyOf(current, format, settings);
    const candidates = editsIn(current, format, settings).filter(
      (edit) => !refused.has(identity(edit.finding)) && (before !== null || isRepair(edit)),
    );
    if (candidates.length === 0) break;
    const next = (edits: readonly Edit[]) => patchedIfSafe(current, format, edits, before, settings);
    const { waiting } = combinePatches(candidates.map(({ patch }) => patch));
    const batch = candidates.filter((_, place) => !waiting.includes(place));
    let chosen = batch;
    let result = next(batch);
    if (result === null) {
      chosen = batch.filter((edit) => next([edit]) !== null);
      for (const edit of batch) if (!chosen.includes(edit)) refused.add(identity(edit.finding));
      if (chosen.length === 0) continue;
      result = next(chosen);
    }
    if (result === null) {
      // Two rules may each be needless while the other is there.
      chosen = chosen.slice(0, 1);
      result = next(chosen);
    }
    if (result === null) break;
    current = result;
    applied.push(...chosen.map(({ finding: { code, rule_id, message } }) => ({ code, rule_id, message })));
  }
  return { text: current, applied };
}

interface Edit {
  readonly finding: Finding;
  readonly patch: readonly PatchOperation[];
}

function editsIn(text: string, format: 'json' | 'yaml', settings: LintSettings): Edit[] {
  const report = lintSource(text, format, lintOptions(parseBundleSource(text, format), settings));
  return [...report.errors, ...report.warnings].flatMap((finding) => {
    const patch = finding.suggestion?.patch;
    const isMeantToChange = finding.suggestion?.changes_decisions === true;
    return patch === undefined || patch.length === 0 || isMeantToChange ? [] : [{ finding, patch }];
  });
}

const repaired: ReadonlySet<string> = fixedCodes;

/** Whether the edit mends what the engine refuses. An effect is never guessed. */
function isRepair({ finding, patch }: Edit): boolean {
  return repaired.has(finding.code) && !patch.some(({ path }) => path.endsWith('/effect'));
}

function identity({ code, rule_id, message }: Finding): string {
  return `${code} ${rule_id ?? ''} ${message}`;
}

/** The text after the edits; null when that is not proven to decide every request as before. */
function patchedIfSafe(
  text: string,
  format: 'json' | 'yaml',
  edits: readonly Edit[],
  before: CompiledPolicy | null,
  settings: LintSettings,
): string | null {
  const { patch } = combinePatches(edits.map((edit) => edit.patch));
  const next = patchSource(text, format, patch);
  if (before === null) return next;
  const after = policyOf(next, format, settings);
  return after !== null && semanticDiff(before, after, enforced(text, format, settings)).equal ? next : null;
}

/** Requests that an enforced catalog refuses need no rule. */
function enforced(text: string, format: 'json' | 'yaml', settings: LintSettings): SemanticDiffOptions {
  const { catalog, enforceContext } = lintOptions(parseBundleSource(text, format), settings);
  if (catalog == null || enforceContext === false) return {};
  return { typing: (agent, action) => catalog.typing(agent, action), pairs: catalog.pairs() };
}

/** The policy of the text; null where it is not valid, or names lists that are not known. */
function policyOf(
  text: string,
  format: 'json' | 'yaml',
  { lists, defaultEffect }: LintSettings,
): CompiledPolicy | null {
  const source = parseBundleSource(text, format);
  if (Array.isArray(source)) return null;
  const rules = source.rules as readonly RuleInput[];
  const policy = compile({ rules }, lists ?? {}, { defaultEffect: defaultEffect ?? 'deny' });
  return Array.isArray(policy) ? null : policy;
}
