import {
  type CompiledCatalog,
  type CompiledPolicy,
  compile,
  type Diagnostic,
  type Effect,
  type Lists,
  listsUsed,
  type Risk,
  type RuleInput,
  type SemanticChange,
  type SemanticDiff,
  semanticDiff,
} from '@policy-studio/engine';
import type { TaskContext } from '../answer-calls.js';
import { type CatalogText, compiledFrom } from '../catalog-text.js';
import { askForLists } from './lint.js';

/** What decides, before or after a change. */
export interface PolicySide {
  /** The rules as JSON; null: none. */
  readonly rules: string | null;
  readonly defaultEffect: Effect;
  /** Lists that stand in for those of the workspace, as a JSON object. */
  readonly lists?: string;
}

export interface PolicyChangeInput {
  readonly before: PolicySide;
  readonly after: PolicySide;
  readonly catalog: CatalogText;
  /** Requests that violate the catalog's schemas are denied, so they need no look. */
  readonly enforceContext: boolean;
}

/** What a change lets agents do that they may not do now. */
export interface PolicyChange {
  /** The highest risk, by rule and catalog, of what becomes allowed; null: nothing does, or none states a risk. */
  readonly risk: Risk | null;
  /** Proven: every request is decided as before or more strictly. */
  readonly stricter: boolean;
}

const risks: readonly Risk[] = ['low', 'medium', 'high', 'critical'];
const strictness: Readonly<Record<Effect, number>> = { allow: 0, needs_approval: 1, deny: 2 };

/**
 * Compares what decides before and after a change. What cannot be decided counts as if it were so: a rule that may newly
 * allow something brings its risk along. Asks for the lists that the rules name.
 */
export async function policyChange(input: PolicyChangeInput, context: TaskContext): Promise<PolicyChange> {
  const catalog = compiledFrom(input.catalog);
  const { before, after } = await policiesOf(input.before, input.after, context);
  const diff = semanticDiff(before, after, {
    byRule: true,
    pairs: catalog.pairs(),
    ...(input.enforceContext ? { typing: catalog.typing } : {}),
  });
  return { risk: newRisk(diff, rulesOf(input.after), catalog), stricter: isStricter(diff) };
}

/** Both sides compiled. They are known to be valid: what is compared has been approved or has no errors. */
export async function policiesOf(
  before: PolicySide,
  after: PolicySide,
  context: TaskContext,
): Promise<{ before: CompiledPolicy; after: CompiledPolicy }> {
  const [first, second] = [rulesOf(before), rulesOf(after)];
  const { lists } = await askForLists(listsUsed([...first, ...second]), context);
  return { before: policyOf(before, first, lists), after: policyOf(after, second, lists) };
}

function rulesOf({ rules }: PolicySide): readonly RuleInput[] {
  return rules === null ? [] : (JSON.parse(rules) as RuleInput[]);
}

function policyOf(side: PolicySide, rules: readonly RuleInput[], lists: Lists): CompiledPolicy {
  const own = side.lists === undefined ? lists : { ...lists, ...(JSON.parse(side.lists) as Lists) };
  const policy = compile({ rules }, own, { defaultEffect: side.defaultEffect });
  if (Array.isArray(policy)) throw new Error(`a policy does not compile: ${(policy[0] as Diagnostic).message}`);
  return policy;
}

type Kind = Pick<SemanticChange, 'agent' | 'action' | 'from' | 'to' | 'rules'>;

function newRisk(
  { changes, undecided }: SemanticDiff,
  rules: readonly RuleInput[],
  catalog: CompiledCatalog,
): Risk | null {
  const ruleRisk = new Map(rules.map(({ id, budget }) => [id, budget?.risk]));
  let highest = -1;
  for (const { from, to, action, rules: deciding } of [...changes, ...undecided] as Kind[]) {
    if (to !== 'allow' || from === 'allow') continue;
    const ofRule = deciding.to === null ? undefined : ruleRisk.get(deciding.to);
    // The catalog's actions are pairs of their own, so a pattern stands for names that it lacks.
    const ofAction = catalog.catalog.actions.find((each) => each.action === action)?.risk;
    for (const risk of [ofRule, ofAction]) if (risk) highest = Math.max(highest, risks.indexOf(risk));
  }
  return risks[highest] ?? null;
}

function isStricter({ changes, undecided }: SemanticDiff): boolean {
  return undecided.length === 0 && changes.every(({ from, to }) => strictness[to] > strictness[from]);
}
