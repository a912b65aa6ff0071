import type { CompiledCatalog, LintReport } from '@policy-studio/engine';
import type { TaskContext } from '../answer-calls.js';
import { compiledFrom } from '../catalog-text.js';
import { type Linted, type LintSetup, lintWithLists } from './lint.js';
import { digestOf, structuralFaults } from './structural-faults.js';

export interface CheckBundleInput {
  /** A JSON object with a member `rules`, an array of objects. */
  readonly text: string;
  readonly setup: LintSetup;
}

/** Why rules cannot be saved; `path` leads from the array of rules. */
export interface SaveFault {
  readonly code: string;
  readonly message: string;
  readonly path: readonly (string | number)[];
}

/** What keeps the rules from being saved: the first hundred faults, and how many there are; else what is to be kept. */
export type CheckedBundle =
  | { readonly faults: readonly SaveFault[]; readonly count: number }
  | {
      /** As they were written, without the white space between. */
      readonly rulesJson: string;
      readonly count: number;
      readonly digest: string;
      readonly report: LintReport;
      readonly listsRead: Linted['listsRead'];
    };

const told = 100;

/** Reads and lints rules that are to be saved. Asks for the lists they name. */
export async function checkBundle({ text, setup }: CheckBundleInput, context: TaskContext): Promise<CheckedBundle> {
  const { rules } = JSON.parse(text) as { rules: readonly Readonly<Record<string, unknown>>[] };
  const structural = structuralFaults(rules);
  const faults =
    structural.length > 0 || setup.catalogMode === 'open'
      ? structural
      : namesUnknown(rules, compiledFrom(setup.catalog));
  if (faults.length > 0) return { faults: faults.slice(0, told), count: faults.length };
  return {
    rulesJson: JSON.stringify(rules),
    count: rules.length,
    digest: digestOf(rules),
    ...(await lintWithLists(rules, setup, context)),
  };
}

/** Names that the catalog lacks, in rules of sound structure that are not switched off. */
function namesUnknown(rules: readonly Readonly<Record<string, unknown>>[], catalog: CompiledCatalog): SaveFault[] {
  return rules.flatMap((rule, index): SaveFault[] => {
    const { agent, action, enabled } = rule as { agent: string; action: string; enabled?: boolean };
    if (enabled === false) return [];
    const found: SaveFault[] = [];
    const agentKnown = catalog.knowsAgent(agent);
    if (!agentKnown) {
      const message = `is an agent that the catalog lacks${orElse(catalog.nearestAgents(agent))}`;
      found.push({ code: 'unknown-agent', path: [index, 'agent'], message: `\`${agent}\` ${message}` });
    }
    // Of an agent that is not known, the action is looked for among all.
    const user = agentKnown ? agent : '*';
    if (!catalog.knowsAction(user, action)) {
      const forOthers = user !== '*' && catalog.knowsAction('*', action);
      const what = forOthers
        ? `is an action that the catalog has for other agents only`
        : `is an action that the catalog lacks`;
      const message = `\`${action}\` ${what}${orElse(catalog.nearestActions(user, action))}`;
      found.push({ code: 'unknown-action', path: [index, 'action'], message });
    }
    return found;
  });
}

function orElse(near: readonly string[]): string {
  if (near.length === 0) return ': add it to the catalog, or correct the name';
  return `: did you mean ${near.map((name) => `\`${name}\``).join(' or ')}?`;
}
