import { randomFillSync } from 'node:crypto';
import { type OperationId, operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../app.js';
import { asSystem } from '../database/scope.js';
import { createDecisionIds } from '../features/decisions/decision-id.js';
import type { Services } from '../services.js';
import { tellStory } from './story.js';

export const demoWorkspace = 'demo';

/** Arbitrary, but fixed for ever. */
const seedLock = 7_082_011_849;

/** Calls an operation of the contract in the demo workspace as somebody, at the story's time. Throws for a refusal. */
export interface Stage {
  /** From now on it is this time. */
  at(time: number): void;
  call<T = Record<string, unknown>>(
    token: string,
    id: OperationId,
    input?: { readonly params?: Readonly<Record<string, string | number>>; readonly body?: unknown },
  ): Promise<T>;
  /** Remembers whose key the simulated agents ask with. */
  agentKey(id: number): Promise<void>;
  readonly adminToken: string;
  /** Milliseconds since 1970: where the story ends. */
  readonly nowMs: number;
}

/**
 * Makes the demo workspace with its history in an empty store, or does nothing; whether it was made. The history is told
 * through the interface itself, by a clock that is set back, so that everything in it hangs together. Several servers may
 * start at once: one of them makes it.
 */
export async function seedDemo(services: Services, adminToken: string): Promise<boolean> {
  const { db, clock, log } = services;
  const startedMs = performance.now();
  const nowMs = clock.now().getTime();
  const workspaceId = await asSystem(() => claimDemo(services, new Date(nowMs)));
  if (workspaceId === null) return false;
  await services.standings.refresh();
  let storyMs = nowMs;
  const past: Services = {
    ...services,
    clock: { now: () => new Date(storyMs) },
    // Its own, so that times of long ago do not meet those of today.
    decisionId: createDecisionIds(randomFillSync),
  };
  const app = await buildApp(past);
  try {
    await tellStory({
      adminToken,
      nowMs,
      at: (time) => {
        if (services.stopping.aborted) throw new StoryCutOff();
        storyMs = time;
      },
      call: (token, id, input = {}) => callOn(app, token, id, input),
      agentKey: async (id) => {
        await asSystem(() =>
          db.pool.query('update demo set agent_key_id = $2 where workspace_id = $1', [workspaceId, id]),
        );
      },
    });
    await asSystem(() =>
      db.pool.query('update demo set seeded_at = $2 where workspace_id = $1', [workspaceId, clock.now()]),
    );
    log.info({ workspace: demoWorkspace, ms: Math.round(performance.now() - startedMs) }, 'the demo was made');
    return true;
  } catch (error) {
    if (error instanceof StoryCutOff) return false;
    log.warn({ err: error, workspace: demoWorkspace }, 'the demo was not made to its end');
    return false;
  } finally {
    await app.close();
  }
}

class StoryCutOff extends Error {}

/** The id of the new workspace; null when the store is not empty, or had a demo before. */
async function claimDemo({ db, log }: Services, now: Date): Promise<number | null> {
  const client = await db.pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock($1)', [seedLock]);
    const { rows } = await client.query<{ id: number }>(
      `insert into workspace (name, description, created_by, created_at)
       select $1, 'Made-up agents, rules and people, to look at and to try things out', 'system', $2
        where not exists (select from bundle) and not exists (select from deleted_workspace)
          and (select count(*) from workspace) = 1
       on conflict (name) do nothing returning id`,
      [demoWorkspace, now],
    );
    const id = rows[0]?.id ?? null;
    if (id !== null) await client.query('insert into demo (workspace_id, acted_at) values ($1, $2)', [id, now]);
    await client.query('commit');
    return id;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    log.warn({ err: error }, 'the demo workspace could not be made');
    return null;
  } finally {
    client.release();
  }
}

async function callOn<T>(
  app: FastifyInstance,
  token: string,
  id: OperationId,
  { params = {}, body }: { readonly params?: Readonly<Record<string, string | number>>; readonly body?: unknown },
): Promise<T> {
  const { method, path } = operations[id];
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const answer = await app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${token}`,
      'x-workspace': demoWorkspace,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  if (answer.statusCode >= 300)
    throw new Error(`${id} was refused (${answer.statusCode}): ${answer.body.slice(0, 500)}`);
  return (answer.body === '' ? {} : answer.json()) as T;
}
