import type { ContextTyping } from '../analysis/domain.js';
import type { Pair } from '../analysis/pairs.js';
import { type Diagnostic, type Path, quoted } from '../diagnostic.js';
import type { Rule } from '../generated/rule.js';
import { limits } from '../limits.js';
import type { Catalog, CatalogAction, JsonSchema } from './catalog.js';
import { isConcreteName, isNamePattern, matchesName, patternsMeet } from './name-pattern.js';
import { nearestIn } from './nearest-names.js';
import { type ContextSchema, parseWithin } from './schema.js';
import { typingOf } from './typing.js';

/** Bounds of a catalog. */
export const catalogLimits = {
  agents: 1_000,
  actions: 5_000,
  /** names or patterns of agents that one action is for */
  agentsPerAction: 1_000,
  /** known pairs of agent and action that an analysis looks at besides those the rules name */
  pairs: 10_000,
  /** instructions of the patterns of all schemas together */
  instructions: limits.bundleMatchesInstructions,
} as const;

/** How many of a catalog's actions some rule decides. */
export interface CatalogCoverage {
  readonly actions: number;
  readonly covered: number;
  /** Names of the others, in the catalog's order. */
  readonly uncovered: readonly string[];
}

/** A catalog that has been checked, ready for questions. Immutable to its users. */
export interface CompiledCatalog {
  readonly catalog: Catalog;
  /** Whether the name is known, or the pattern matches a known one; `*` always is. */
  knowsAgent(agentPattern: string): boolean;
  /** Whether an action of that name, or one that the pattern matches, is for an agent that the agent pattern matches. */
  knowsAction(agentPattern: string, actionPattern: string): boolean;
  /** At most three known names like this one, the likest first. */
  nearestAgents(name: string): string[];
  /** The same of actions, those for agents that the pattern matches. */
  nearestActions(agentPattern: string, name: string): string[];
  /** What is known of the action, if it is known and for this agent; a request of an agent the catalog lacks counts too. */
  actionOf(agent: string, action: string): CatalogAction | null;
  /** The schema that a request's context must keep to; null where anything goes. */
  schemaOf(agent: string, action: string): ContextSchema | null;
  /** The same for the analysis, one object for each action; undefined where anything goes. */
  typing(agent: string, action: string): ContextTyping | undefined;
  /** The known agents with the actions that are for them, by action; at most 10,000. */
  pairs(): readonly Pair[];
  /** An action is covered when an enabled rule applies to it for a known agent that it is for. */
  coverage(rules: readonly Pick<Rule, 'agent' | 'action' | 'enabled'>[]): CatalogCoverage;
}

/** Schemas that were read, by the very object they were written as, which is not to change. */
export type SchemaMemory = WeakMap<JsonSchema, ContextSchema>;

/**
 * The catalog, ready for questions, or everything that is wrong with it (at most 1,000 findings, paths from the
 * catalog): names, names given twice, schemas, limits. Work in the order of the size of the catalog, less the schemas
 * that the memory knows; it takes on the others, and changes no answer. No I/O.
 */
export function compileCatalog(catalog: Catalog, memory: SchemaMemory = new WeakMap()): CompiledCatalog | Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const report = (path: Path, message: string, code: Diagnostic['code'] = 'invalid-catalog') => {
    if (diagnostics.length < limits.diagnostics) diagnostics.push({ code, message, rule_id: null, path });
  };
  for (const part of ['agents', 'actions'] as const) {
    const { length } = catalog[part];
    if (length <= catalogLimits[part]) continue;
    report([part], `a catalog has at most ${catalogLimits[part]} ${part} and this one has ${length}`, 'limit-exceeded');
    return diagnostics;
  }
  checkNames(catalog, report);
  const schemas = new Map<string, ContextSchema>();
  const budget = { instructions: catalogLimits.instructions };
  catalog.actions.forEach(({ action, context_schema }, i) => {
    if (context_schema === null || diagnostics.length >= limits.diagnostics) return;
    const known = memory.get(context_schema);
    if (known !== undefined && known.instructions <= budget.instructions) {
      budget.instructions -= known.instructions;
      schemas.set(action, known);
      return;
    }
    const schema = parseWithin(context_schema, budget);
    if (!Array.isArray(schema)) {
      schemas.set(action, schema);
      memory.set(context_schema, schema);
      return;
    }
    for (const { path, message, code } of schema) report(['actions', i, 'context_schema', ...path], message, code);
  });
  return diagnostics.length > 0 ? diagnostics : questionsTo(catalog, schemas);
}

function checkNames({ agents, actions }: Catalog, report: (path: Path, message: string) => void): void {
  const check = (part: 'agents' | 'actions', names: readonly string[]) => {
    const seen = new Set<string>();
    const key = part === 'agents' ? 'agent' : 'action';
    names.forEach((name, i) => {
      if (!isConcreteName(name)) report([part, i, key], `${quoted(String(name))} is no name of an ${key}`);
      else if (seen.has(name)) report([part, i, key], `the ${key} ${quoted(name)} is there twice`);
      seen.add(name);
    });
  };
  check(
    'agents',
    agents.map(({ agent }) => agent),
  );
  check(
    'actions',
    actions.map(({ action }) => action),
  );
  actions.forEach(({ agents: users }, i) => {
    const wrong = users?.findIndex((pattern) => !isNamePattern(pattern)) ?? -1;
    if (wrong !== -1)
      report(['actions', i, 'agents', wrong], `${quoted(String(users?.[wrong]))} is no name or pattern`);
    if ((users?.length ?? 0) > catalogLimits.agentsPerAction) {
      report(
        ['actions', i, 'agents'],
        `an action is for at most ${catalogLimits.agentsPerAction} names: use a pattern`,
      );
    }
  });
}

function questionsTo(catalog: Catalog, schemas: ReadonlyMap<string, ContextSchema>): CompiledCatalog {
  const { agents, actions } = catalog;
  const agentNames = agents.map(({ agent }) => agent);
  const knownAgents = new Set(agentNames);
  const byName = new Map(actions.map((action) => [action.action, action]));
  const typings = new Map<string, ContextTyping>();
  const nearAgents = nearestIn(agentNames);
  const nearActions = nearestIn([...byName.keys()]);
  const agentsOf = agentsByAction(agentNames);
  let pairs: Pair[] | null = null;

  const actionOf = (agent: string, name: string): CatalogAction | null => {
    const action = byName.get(name);
    if (action === undefined || !isFor(action, agent)) return null;
    return action;
  };
  return {
    catalog,
    knowsAgent: (pattern) =>
      pattern === '*' ||
      knownAgents.has(pattern) ||
      (pattern.endsWith('.*') && agentNames.some((name) => matchesName(pattern, name))),
    knowsAction(agentPattern, actionPattern) {
      if (actionPattern === '*') return true;
      const exact = byName.get(actionPattern);
      if (exact !== undefined) return isFor(exact, agentPattern);
      if (!actionPattern.endsWith('.*')) return false;
      return actions.some((each) => matchesName(actionPattern, each.action) && isFor(each, agentPattern));
    },
    nearestAgents: (name) => nearAgents(name),
    nearestActions: (agentPattern, name) =>
      nearActions(name, (near) => isFor(byName.get(near) as CatalogAction, agentPattern)),
    actionOf,
    schemaOf: (agent, action) => (actionOf(agent, action) === null ? null : (schemas.get(action) ?? null)),
    typing(agent, action) {
      const schema = actionOf(agent, action) === null ? undefined : schemas.get(action);
      if (schema === undefined) return undefined;
      const known = typings.get(action);
      if (known !== undefined) return known;
      const made = typingOf(schema);
      typings.set(action, made);
      return made;
    },
    pairs() {
      pairs ??= pairsOf(actions, agentsOf);
      return pairs;
    },
    coverage: (rules) => coverageBy(rules, actions, agentsOf),
  };
}

function isFor({ agents }: CatalogAction, agentPattern: string): boolean {
  return agents === null || agents.some((each) => patternsMeet(each, agentPattern));
}

/** The known agents that an action is for; worked out once for each list of them. */
function agentsByAction(agentNames: readonly string[]): (action: CatalogAction) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return ({ agents }) => {
    if (agents === null) return agentNames;
    const key = agents.join(' ');
    let names = known.get(key);
    if (names === undefined) {
      names = agentNames.filter((name) => agents.some((pattern) => matchesName(pattern, name)));
      known.set(key, names);
    }
    return names;
  };
}

type AgentsOf = (action: CatalogAction) => readonly string[];

function pairsOf(actions: readonly CatalogAction[], agentsOf: AgentsOf): Pair[] {
  const pairs: Pair[] = [];
  for (const action of actions) {
    for (const agent of agentsOf(action)) {
      if (pairs.length >= catalogLimits.pairs) return pairs;
      pairs.push({ agent, action: action.action });
    }
  }
  return pairs;
}

function coverageBy(
  rules: readonly Pick<Rule, 'agent' | 'action' | 'enabled'>[],
  actions: readonly CatalogAction[],
  agentsOf: AgentsOf,
): CatalogCoverage {
  const agentsByPattern = new Map<string, Set<string>>();
  for (const { agent, action, enabled } of rules) {
    if (!enabled) continue;
    const known = agentsByPattern.get(action);
    if (known === undefined) agentsByPattern.set(action, new Set([agent]));
    else known.add(agent);
  }
  // One answer for each list of agents and each pattern of a rule.
  const reached = new Map<readonly string[], Map<string, boolean>>();
  const reaches = (names: readonly string[], pattern: string): boolean => {
    if (pattern === '*') return names.length > 0;
    const answers = reached.get(names) ?? new Map<string, boolean>();
    reached.set(names, answers);
    let answer = answers.get(pattern);
    if (answer === undefined) {
      answer = names.some((name) => matchesName(pattern, name));
      answers.set(pattern, answer);
    }
    return answer;
  };
  const uncovered = actions.filter((action) => {
    const names = agentsOf(action);
    return !patternsFor(action.action).some((pattern) =>
      [...(agentsByPattern.get(pattern) ?? [])].some((agent) => reaches(names, agent)),
    );
  });
  return {
    actions: actions.length,
    covered: actions.length - uncovered.length,
    uncovered: uncovered.map(({ action }) => action),
  };
}

/** Every pattern that matches the name, the widest first. */
function patternsFor(name: string): string[] {
  const patterns = ['*'];
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1))
    patterns.push(`${name.slice(0, dot)}.*`);
  return [...patterns, name];
}
