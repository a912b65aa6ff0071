import { compile, type Diagnostic, type Lists, listsUsed, type RuleInput } from '@policy-studio/engine';
import type { TaskContext } from '../answer-calls.js';
import { askForLists } from './lint.js';

export interface CompileFaultsInput {
  /** An array, as JSON. */
  readonly rules: string;
  /** Lists that stand in for those of the workspace, as a JSON object. */
  readonly lists: string;
}

/** Why the rules could not decide with these lists; empty when they could. Asks for the other lists they name. */
export async function compileFaults(
  { rules: json, lists: changed }: CompileFaultsInput,
  context: TaskContext,
): Promise<readonly Diagnostic[]> {
  const rules = JSON.parse(json) as RuleInput[];
  const { lists, otherNames } = await askForLists(listsUsed(rules), context);
  const compiled = compile({ rules }, { ...lists, ...(JSON.parse(changed) as Lists) }, { listNames: otherNames });
  return Array.isArray(compiled) ? compiled : [];
}
