import type { ContextTyping } from '../analysis/domain.js';
import type { Pair } from '../analysis/pairs.js';
import type { Rule } from '../generated/rule.js';

/** What lint asks of a compiled catalog. */
export interface LintCatalog {
  knowsAgent(pattern: string): boolean;
  knowsAction(agentPattern: string, actionPattern: string): boolean;
  nearestAgents(name: string): string[];
  nearestActions(agentPattern: string, name: string): string[];
  /** The same object for the same action. */
  typing(agent: string, action: string): ContextTyping | undefined;
  pairs(): readonly Pair[];
  coverage(rules: readonly Rule[]): { actions: number; covered: number; uncovered: string[] };
}
