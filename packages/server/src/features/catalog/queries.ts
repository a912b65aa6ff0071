import type { CatalogActionDocument, CatalogAgentDocument } from '@policy-studio/contract';
import {
  type Catalog,
  type CatalogAction,
  type CatalogAgent,
  type CompiledCatalog,
  canonicalJson,
  compileCatalog,
  type Diagnostic,
  defaultCatalog,
  type SchemaMemory,
  sha256Hex,
} from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';

/** A workspace's catalog as stored, agents and actions by name. */
export interface StoredCatalog {
  readonly catalog: Catalog;
  /** Grows with every change; 0: never changed. */
  readonly revision: number;
  /** Names this content and no other, in any workspace and database. */
  readonly stamp: string;
}

const neverChanged: StoredCatalog = {
  catalog: {
    agents: [...defaultCatalog.agents].sort((a, b) => (a.agent < b.agent ? -1 : 1)),
    actions: [...defaultCatalog.actions].sort((a, b) => (a.action < b.action ? -1 : 1)),
  },
  revision: 0,
  // Of another release it can be another.
  stamp: `default ${sha256Hex(canonicalJson(defaultCatalog))}`,
};

/** Compiled catalogs by stamp, the least lately used making room: what a stamp names never changes. */
const compiled = new Map<string, CompiledCatalog>();
/** Of all of them together; the one in use is kept whatever its size. */
const keptActions = 20_000;
/** So that after a change only what changed is read again. */
const schemas: SchemaMemory = new WeakMap();
/** The last catalog read of a workspace, the least lately read making room. */
const lastRead = new Map<number, Catalog>();
const keptWorkspaces = 64;

/** The catalog compiled, or why it cannot be. */
export function compiledCatalog({
  catalog,
  stamp,
}: Pick<StoredCatalog, 'catalog' | 'stamp'>): CompiledCatalog | Diagnostic[] {
  const made = compiled.get(stamp) ?? compileCatalog(catalog, schemas);
  if (Array.isArray(made)) return made;
  compiled.delete(stamp);
  compiled.set(stamp, made);
  let actions = [...compiled.values()].reduce((sum, { catalog: one }) => sum + one.actions.length, 0);
  for (const [oldest, { catalog: one }] of compiled) {
    if (actions <= keptActions || oldest === stamp) break;
    compiled.delete(oldest);
    actions -= one.actions.length;
  }
  return made;
}

/** The catalog of a workspace. Inside a transaction pass its client. */
export async function storedCatalog(db: Pool | PoolClient, workspaceId: number): Promise<StoredCatalog> {
  const head = await db.query<{ revision: number; stamp: string }>(
    'select revision, stamp from catalog where workspace_id = $1',
    [workspaceId],
  );
  const [known] = head.rows;
  if (!known) return neverChanged;
  const kept = compiled.get(known.stamp);
  if (kept) return { ...known, catalog: remembered(workspaceId, kept.catalog) };
  // One statement, so that the stamp names what is read.
  const { rows } = await db.query<{
    revision: number;
    stamp: string;
    agents: CatalogAgent[];
    actions: string[];
  }>(
    `select c.revision, c.stamp,
       (select coalesce(json_agg(json_build_object('agent', agent, 'description', description, 'mode', mode)
                                 order by agent collate "C"), '[]')
          from catalog_agent where workspace_id = c.workspace_id) as agents,
       (select coalesce(json_agg(document::text order by action collate "C"), '[]')
          from catalog_action where workspace_id = c.workspace_id) as actions
     from catalog c where c.workspace_id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  if (!row) return neverChanged;
  const { revision, stamp, agents } = row;
  const actions = actionsOf(row.actions, lastRead.get(workspaceId)?.actions ?? []);
  return { revision, stamp, catalog: remembered(workspaceId, { agents, actions }) };
}

function remembered(workspaceId: number, catalog: Catalog): Catalog {
  lastRead.delete(workspaceId);
  lastRead.set(workspaceId, catalog);
  const oldest = lastRead.keys().next();
  if (lastRead.size > keptWorkspaces && !oldest.done) lastRead.delete(oldest.value);
  return catalog;
}

/** The actions of these documents; those that are as they were before stay the same objects. */
function actionsOf(documents: readonly string[], before: readonly CatalogAction[]): CatalogAction[] {
  const known = new Map(before.map((action) => [JSON.stringify(action), action]));
  return documents.map((document) => known.get(document) ?? (JSON.parse(document) as CatalogAction));
}

/**
 * The catalog of a workspace, ready to ask: the same object until it changes. `revision` names its content within the
 * workspace.
 */
export async function catalogOf(
  db: Pool | PoolClient,
  workspaceId: number,
): Promise<{ readonly compiled: CompiledCatalog; readonly revision: number }> {
  const stored = await storedCatalog(db, workspaceId);
  const made = compiledCatalog(stored);
  if (Array.isArray(made)) {
    throw new Error(`the catalog of workspace ${workspaceId} does not compile: ${made[0]?.message}`);
  }
  return { compiled: made, revision: stored.revision };
}

/** The agents that are answered `allow` whatever is decided, by name. */
export function observedAgents({ agents }: Catalog): string[] {
  return agents.flatMap(({ agent, mode }) => (mode === 'observe' ? [agent] : []));
}

/** The agent as clients see it. */
export function agentDocument({ agent, description, mode = 'enforce' }: CatalogAgent): CatalogAgentDocument {
  return { agent, description, mode };
}

/** The action as clients see it. */
export function actionDocument(action: CatalogAction): CatalogActionDocument {
  return {
    action: action.action,
    agents: action.agents && [...action.agents],
    context_schema: action.context_schema && { ...action.context_schema },
    risk: action.risk,
    cost: action.cost,
    description: action.description,
    annotations: { ...action.annotations },
  };
}
