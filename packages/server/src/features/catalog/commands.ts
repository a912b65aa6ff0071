import { randomUUID } from 'node:crypto';
import {
  type BodyOf,
  type CatalogActionDocument,
  type CatalogAgentDocument,
  type CatalogImport,
  jsonPointer,
  type operations,
} from '@policy-studio/contract';
import {
  actionsFromMcp,
  type Catalog,
  type CatalogAction,
  type CompiledCatalog,
  canonicalJson,
  parseContextSchema,
  sha256Hex,
} from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement } from '../approvals/transaction.js';
import { secondPerson } from '../emergency/transaction.js';
import { recordChange } from '../events/transaction.js';
import { settingsOf } from '../settings/queries.js';
import { actionDocument, agentDocument, catalogOf, compiledCatalog } from './queries.js';
import {
  type Changed,
  decidesDifferently,
  modeOf,
  withAction,
  withAgent,
  withImported,
  withoutAction,
  withoutAgent,
} from './transition.js';

/** JSON of all agents and actions; it is read whole, and kept on disk by every server. */
const catalogBytes = 8 * 1024 * 1024;

/** What the audit trail says of a change. */
interface Event {
  readonly kind: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Outcome<T> {
  readonly answer: T;
  readonly revision: number;
}

/** Adds or changes an agent. This server decides by it when the answer is given. Refusal: `second_person_needed`. */
export async function putAgent(
  services: Services,
  caller: Caller,
  agent: string,
  body: BodyOf<typeof operations.putCatalogAgent>,
): Promise<CatalogAgentDocument | Refusal> {
  const outcome = await change(services, caller, {
    make: ({ catalog }) => withAgent(catalog, agent, body),
    event: (answer, before) => ({
      kind: before.agents.some((known) => known.agent === agent) ? 'catalog.agent_changed' : 'catalog.agent_added',
      subject: `catalog/agents/${agent}`,
      data: {
        description: answer.description,
        mode: modeOf(answer),
        mode_before: modeOf(before.agents.find((known) => known.agent === agent)),
      },
    }),
    ...(body.mode === 'observe' ? { permit: (tx, before) => mayObserve(tx, services, caller, { agent, before }) } : {}),
  });
  return outcome instanceof Refusal ? outcome : agentDocument(outcome.answer);
}

/** How long a request to observe an agent waits for the second person. */
const observeWaitMs = 24 * 3_600_000;

/** Whether an agent may be answered `allow` from now on, whatever is decided: under four eyes two people must ask. */
async function mayObserve(
  tx: PoolClient,
  { clock, config }: Services,
  { workspaceId, owner }: Caller,
  { agent, before }: { readonly agent: string; readonly before: Catalog },
): Promise<Refusal | null> {
  if (modeOf(before.agents.find((known) => known.agent === agent)) === 'observe') return null;
  const settings = await settingsOf(tx, config, workspaceId);
  if (!settings.four_eyes) return null;
  const now = clock.now();
  const subject = `catalog/agents/${agent}`;
  const asked = { mode: 'observe' };
  const request = { workspaceId, subject, same: asked, details: asked, by: owner, now, ttlMs: observeWaitMs };
  if (await secondPerson(tx, request)) return null;
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: owner,
    kind: 'catalog.observe_requested',
    subject,
    data: { ...asked, expires_at: new Date(now.getTime() + observeWaitMs).toISOString() },
  });
  return refuse(
    'second_person_needed',
    `with four eyes, observing \`${agent}\` takes two: another admin must ask for the same within 24 hours`,
  );
}

export async function deleteAgent(services: Services, caller: Caller, agent: string): Promise<Refusal | undefined> {
  const outcome = await change(services, caller, {
    make: ({ catalog }) => withoutAgent(catalog, agent),
    event: () => ({ kind: 'catalog.agent_removed', subject: `catalog/agents/${agent}`, data: {} }),
  });
  return outcome instanceof Refusal ? outcome : undefined;
}

/** Adds or changes an action. This server decides by it when the answer is given. */
export async function putAction(
  services: Services,
  caller: Caller,
  action: string,
  body: BodyOf<typeof operations.putCatalogAction>,
): Promise<CatalogActionDocument | Refusal> {
  const faults = body.context_schema ? parseContextSchema(body.context_schema) : [];
  if (Array.isArray(faults) && faults.length > 0) {
    return invalid(
      faults.slice(0, 20).map(({ path, message }) => ({ path: jsonPointer(['context_schema', ...path]), message })),
    );
  }
  const outcome = await change(services, caller, {
    make: (known) => withAction(known, action, body),
    event: (answer, before) => {
      const earlier = before.actions.find((known) => known.action === action);
      return {
        kind: earlier ? 'catalog.action_changed' : 'catalog.action_added',
        subject: `catalog/actions/${action}`,
        data: { before: earlier ? audited(earlier) : null, after: audited(answer) },
      };
    },
  });
  return outcome instanceof Refusal ? outcome : actionDocument(outcome.answer);
}

export async function deleteAction(services: Services, caller: Caller, action: string): Promise<Refusal | undefined> {
  const outcome = await change(services, caller, {
    make: ({ catalog }) => withoutAction(catalog, action),
    event: (_, before) => {
      const earlier = before.actions.find((known) => known.action === action);
      return {
        kind: 'catalog.action_removed',
        subject: `catalog/actions/${action}`,
        data: { before: earlier ? audited(earlier) : null },
      };
    },
  });
  return outcome instanceof Refusal ? outcome : undefined;
}

/** Adds the tools of an MCP server as actions of an agent; what cannot be kept is told with its reason. */
export async function importTools(
  services: Services,
  caller: Caller,
  { agent, tools, prefix }: BodyOf<typeof operations.importCatalog>,
): Promise<CatalogImport | Refusal> {
  const read = actionsFromMcp(tools, prefix === undefined ? { agent } : { agent, prefix });
  const outcome = await change(services, caller, {
    make: ({ catalog }) => withImported(catalog, agent, { actions: read.actions, refused: [...read.refused] }),
    event: ({ imported, updated, agent_created: agentCreated }) => ({
      kind: 'catalog.imported',
      subject: `catalog/agents/${agent}`,
      data: { format: 'mcp', agent_created: agentCreated, imported, updated },
    }),
  });
  return outcome instanceof Refusal ? outcome : { revision: outcome.revision, ...outcome.answer };
}

/** An action as the audit trail tells it: the schema by its digest. */
function audited({
  agents,
  context_schema,
  risk,
  cost,
  description,
}: CatalogAction): Readonly<Record<string, unknown>> {
  const schema = context_schema === null ? null : sha256Hex(canonicalJson(context_schema));
  return { agents, risk, cost, description, context_schema_digest: schema };
}

/** One change of a catalog, alone in its workspace: made, checked, written and recorded. What changes nothing is not recorded. */
async function change<T>(
  services: Services,
  caller: Caller,
  step: {
    make: (known: CompiledCatalog) => Changed<T> | Refusal;
    event: (answer: T, before: Catalog) => Event;
    /** Why this caller may not make it now; asked only of what changes something. */
    permit?: (tx: PoolClient, before: Catalog) => Promise<Refusal | null>;
  },
): Promise<Outcome<T> | Refusal> {
  const { db, clock, enforcement } = services;
  const { workspaceId } = caller;
  const outcome = await withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, workspaceId);
    const { compiled, revision } = await catalogOf(tx, workspaceId);
    const made = step.make(compiled);
    if (made instanceof Refusal) return made;
    const { next, answer } = made;
    const before = compiled.catalog;
    if (next === before) return { answer, revision, generation: null };
    const stamp = randomUUID();
    const refused = unfit(next, stamp) ?? (await step.permit?.(tx, before));
    if (refused) return refused;
    await write(tx, workspaceId, { before: revision === 0 ? null : before, next, revision: revision + 1, stamp });
    const decides = decidesDifferently(before, next);
    const { generation } = await recordChange(tx, {
      workspaceId,
      at: clock.now(),
      actor: caller.owner,
      ...step.event(answer, before),
      enforcement: decides,
    });
    return { answer, revision: revision + 1, generation: decides ? generation : null };
  });
  if (outcome instanceof Refusal) return outcome;
  if (outcome.generation !== null) await enforcement.reach(workspaceId, outcome.generation);
  return outcome;
}

/** Why a catalog cannot be kept. One that can is compiled already when it is asked for under its stamp. */
function unfit(next: Catalog, stamp: string): Refusal | null {
  const bytes = [...next.agents, ...next.actions].reduce(
    (sum, item) => sum + Buffer.byteLength(JSON.stringify(item)),
    0,
  );
  if (bytes > catalogBytes) {
    return refuse('catalog_full', `the catalog would weigh more than ${catalogBytes / 1024 / 1024} MiB of JSON`);
  }
  const made = compiledCatalog({ catalog: next, stamp });
  if (!Array.isArray(made)) return null;
  const [first] = made;
  if (first?.code === 'limit-exceeded') return refuse('catalog_full', first.message);
  throw new Error(`a catalog that was checked does not compile: ${first?.message}`);
}

interface Write {
  /** null: what is there is nowhere written yet. */
  readonly before: Catalog | null;
  readonly next: Catalog;
  readonly revision: number;
  readonly stamp: string;
}

async function write(tx: PoolClient, workspaceId: number, { before, next, revision, stamp }: Write): Promise<void> {
  await tx.query(
    `insert into catalog (workspace_id, revision, stamp) values ($1, $2, $3)
     on conflict (workspace_id) do update set revision = excluded.revision, stamp = excluded.stamp`,
    [workspaceId, revision, stamp],
  );
  const agents = new Map(before?.agents.map((agent) => [agent.agent, agent]));
  const actions = new Map(before?.actions.map((action) => [action.action, action]));
  const newAgents = next.agents.filter((agent) => agents.get(agent.agent) !== agent);
  const newActions = next.actions.filter((action) => actions.get(action.action) !== action);
  for (const { agent } of next.agents) agents.delete(agent);
  for (const { action } of next.actions) actions.delete(action);
  await tx.query('delete from catalog_agent where workspace_id = $1 and agent = any ($2)', [
    workspaceId,
    [...agents.keys()],
  ]);
  await tx.query('delete from catalog_action where workspace_id = $1 and action = any ($2)', [
    workspaceId,
    [...actions.keys()],
  ]);
  await tx.query(
    `insert into catalog_agent (workspace_id, agent, description, mode)
     select $1, name, text, mode from unnest($2::text[], $3::text[], $4::text[]) as put (name, text, mode)
     on conflict (workspace_id, agent) do update set description = excluded.description, mode = excluded.mode`,
    [
      workspaceId,
      newAgents.map(({ agent }) => agent),
      newAgents.map(({ description }) => description),
      newAgents.map(modeOf),
    ],
  );
  await tx.query(
    `insert into catalog_action (workspace_id, action, document)
     select $1, name, text::json from unnest($2::text[], $3::text[]) as put (name, text)
     on conflict (workspace_id, action) do update set document = excluded.document`,
    [workspaceId, newActions.map(({ action }) => action), newActions.map((action) => JSON.stringify(action))],
  );
}
