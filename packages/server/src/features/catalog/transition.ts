import type { BodyOf, CatalogImport, operations, ProblemItem } from '@policy-studio/contract';
import {
  type Catalog,
  type CatalogAction,
  type CatalogAgent,
  type CompiledCatalog,
  canonicalJson,
} from '@policy-studio/engine';
import { invalid } from '../../http/route.js';
import { type Refusal, refuse } from '../../refusal.js';
import { mayActAs } from '../access/queries.js';

/** What a catalog becomes, by name; the same object when nothing changes. What stays as it is stays the same object. */
export interface Changed<T> {
  readonly next: Catalog;
  readonly answer: T;
}

/** Adds the agent, or changes it; what is left out stays. */
export function withAgent(
  catalog: Catalog,
  agent: string,
  { description, mode }: BodyOf<typeof operations.putCatalogAgent>,
): Changed<CatalogAgent> {
  const before = catalog.agents.find((known) => known.agent === agent);
  const after = {
    agent,
    description: description ?? before?.description ?? '',
    mode: mode ?? before?.mode ?? 'enforce',
  };
  if (before?.description === after.description && modeOf(before) === after.mode)
    return { next: catalog, answer: before };
  return { next: { ...catalog, agents: put(catalog.agents, after, ({ agent: name }) => name) }, answer: after };
}

/** What becomes of the answers to an agent; one that the catalog lacks is enforced. */
export function modeOf(agent: CatalogAgent | undefined): 'enforce' | 'observe' {
  return agent?.mode ?? 'enforce';
}

/** Removes an agent; not while there is an action that then no agent could use. */
export function withoutAgent(catalog: Catalog, agent: string): Changed<undefined> | Refusal {
  const agents = catalog.agents.filter((known) => known.agent !== agent);
  if (agents.length === catalog.agents.length) return noAgent(agent);
  const orphaned = catalog.actions.flatMap(({ action, agents: patterns }) => {
    if (patterns === null || !mayActAs({ agents: patterns }, agent)) return [];
    return agents.some((other) => mayActAs({ agents: patterns }, other.agent)) ? [] : [action];
  });
  if (orphaned.length > 0) {
    return refuse(
      'agent_in_use',
      `no other agent may use ${named(orphaned)}; delete ${orphaned.length === 1 ? 'it' : 'them'} first, or give ${orphaned.length === 1 ? 'it' : 'them'} to others`,
    );
  }
  return { next: { ...catalog, agents }, answer: undefined };
}

/** Adds or changes an action; what is left out stays. Agents that the catalog lacks are refused. */
export function withAction(
  known: CompiledCatalog,
  action: string,
  body: BodyOf<typeof operations.putCatalogAction>,
): Changed<CatalogAction> | Refusal {
  const { catalog } = known;
  const strangers = (body.agents ?? []).flatMap((pattern, index): ProblemItem[] => {
    if (known.knowsAgent(pattern)) return [];
    return [{ path: `/agents/${index}`, message: unknownAgent(known, pattern) }];
  });
  if (strangers.length > 0) return invalid(strangers);
  const before = catalog.actions.find((other) => other.action === action);
  const after: CatalogAction = {
    ...(before ?? { agents: null, context_schema: null, risk: null, cost: null, description: '', annotations: {} }),
    ...body,
    action,
  };
  if (before && same(before, after)) return { next: catalog, answer: before };
  return { next: { ...catalog, actions: put(catalog.actions, after, actionName) }, answer: after };
}

export function withoutAction(catalog: Catalog, action: string): Changed<undefined> | Refusal {
  const actions = catalog.actions.filter((known) => known.action !== action);
  if (actions.length === catalog.actions.length) return noAction(action);
  return { next: { ...catalog, actions }, answer: undefined };
}

type Imported = Omit<CatalogImport, 'revision'>;

/**
 * Adds an agent's actions, each kept for this agent alone unless others had it already with the same schema. An action
 * that others use with another schema is refused: what they may send must not change because of this agent.
 */
export function withImported(
  catalog: Catalog,
  agent: string,
  { actions, refused }: { actions: readonly CatalogAction[]; refused: Imported['refused'] },
): Changed<Imported> {
  const byName = new Map(catalog.actions.map((action) => [action.action, action]));
  const answer: Imported = { agent_created: false, imported: [], updated: [], unchanged: [], refused: [...refused] };
  for (const action of [...actions].sort((a, b) => (a.action < b.action ? -1 : 1))) {
    const before = byName.get(action.action);
    const after = before ? joined(before, action, agent) : action;
    if (after === null) {
      const reason = `\`${action.action}\` is used by other agents with another schema; import with a \`prefix\` to keep both`;
      answer.refused.push({ name: action.action, reason });
      continue;
    }
    const list = before === undefined ? answer.imported : same(before, after) ? answer.unchanged : answer.updated;
    list.push(action.action);
    if (list !== answer.unchanged) byName.set(action.action, after);
  }
  const kept = answer.imported.length + answer.updated.length + answer.unchanged.length;
  answer.agent_created = kept > 0 && !catalog.agents.some((known) => known.agent === agent);
  if (!answer.agent_created && answer.imported.length + answer.updated.length === 0) return { next: catalog, answer };
  const agents = answer.agent_created
    ? put(catalog.agents, { agent, description: '' }, ({ agent: name }) => name)
    : catalog.agents;
  return { next: { agents, actions: byNameOrder([...byName.values()], actionName) }, answer };
}

/** An action that is there already, as the tool of `agent` makes it; null when that would change it for other agents. */
function joined(before: CatalogAction, tool: CatalogAction, agent: string): CatalogAction | null {
  const alone = before.agents?.every((pattern) => pattern === agent) ?? false;
  const { context_schema, description, annotations } = tool;
  if (alone) return { ...before, context_schema, description, annotations };
  if (canonicalJson(before.context_schema) !== canonicalJson(context_schema)) return null;
  if (before.agents === null || mayActAs({ agents: before.agents }, agent)) return before;
  return { ...before, agents: [...before.agents, agent] };
}

/** Whether decisions, or what is recorded of them, may come out differently. */
export function decidesDifferently(before: Catalog, after: Catalog): boolean {
  const names = ({ agents }: Catalog): string => agents.map((one) => `${one.agent}=${modeOf(one)}`).join(' ');
  if (names(before) !== names(after)) return true;
  const earlier = new Map(before.actions.map((action) => [action.action, action]));
  if (earlier.size !== after.actions.length) return true;
  return after.actions.some((action) => {
    const known = earlier.get(action.action);
    if (known === action) return false;
    return !known || canonicalJson(decisive(known)) !== canonicalJson(decisive(action));
  });
}
function decisive({ agents, context_schema, cost }: CatalogAction): unknown {
  return { agents, context_schema, cost };
}

function same(a: CatalogAction, b: CatalogAction): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

function put<T>(items: readonly T[], item: T, nameOf: (item: T) => string): T[] {
  return byNameOrder([...items.filter((other) => nameOf(other) !== nameOf(item)), item], nameOf);
}
function byNameOrder<T>(items: T[], nameOf: (item: T) => string): T[] {
  return items.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}
function actionName({ action }: CatalogAction): string {
  return action;
}

function unknownAgent(known: CompiledCatalog, pattern: string): string {
  const [first, ...others] = known.nearestAgents(pattern).map((name) => `\`${name}\``);
  const near = first === undefined ? '' : `, did you mean ${[first, ...others].join(' or ')}?`;
  return `matches no agent of the catalog${near}${near === '' ? '; add the agent first' : ''}`;
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `\`${name}\``);
  return `${shown.join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}

function noAgent(agent: string): Refusal {
  return refuse('not_found', `the catalog has no agent \`${agent}\`; see GET /policy/catalog`);
}

export function noAction(action: string): Refusal {
  return refuse('not_found', `the catalog has no action \`${action}\`; see GET /policy/catalog`);
}
