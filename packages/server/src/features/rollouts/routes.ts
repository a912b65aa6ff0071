import { operations, type RollbackResult } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { route } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bundleById, bundleDocument, noBundle, withFindings } from '../bundles/queries.js';
import { type Ask, changeRollout, noRollout } from './commands.js';
import { createAnswerOnce } from './idempotency.js';
import { judged, newestRolloutOf, rolloutById, rolloutDocument, rolloutPage, rolloutSummary } from './queries.js';
import { logUntold, type Rollback, rollBack } from './rollback.js';
import { canaryStatus, checkGates } from './status.js';
import { isOver } from './transition.js';

export function rolloutRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;
  const answerOnce = createAnswerOnce(pool);
  type Headers = { 'idempotency-key'?: string };

  const change = (
    { caller, params, headers }: { caller: Caller; params: { id: number }; headers: Headers },
    ask: Ask,
    generation: number | undefined,
  ) => {
    const asked = { rolloutId: params.id, ask, ...(generation === undefined ? {} : { generation }) };
    const command = { rollout: params.id, ...ask, generation: generation ?? null };
    const keyed = { caller, key: headers['idempotency-key'], command, now: services.clock.now() };
    return answerOnce(keyed, () => changeRollout(services, caller, asked));
  };

  route(app, services, operations.listRollouts, async ({ caller, query }) => {
    const now = services.clock.now();
    const { rows, ...page } = await rolloutPage(pool, caller.workspaceId, query);
    const readings = await Promise.all(
      rows.map(async (row) => (isOver(row) ? null : (await judged(pool, row, now)).reading)),
    );
    const rollouts = rows.map((row, index) => rolloutSummary(row, readings[index] ?? null, caller.role, now));
    return { rollouts, ...page };
  });
  route(app, services, operations.getRollout, async ({ caller, params }) => {
    const now = services.clock.now();
    const row = await rolloutById(pool, caller.workspaceId, params.id);
    return row ? rolloutDocument(await judged(pool, row, now), caller.role, now) : noRollout(params.id);
  });
  route(app, services, operations.pauseRollout, (input) => {
    const { reason, generation } = input.body;
    return change(input, { kind: 'pause', ...(reason === undefined ? {} : { reason }) }, generation);
  });
  route(app, services, operations.resumeRollout, (input) => change(input, { kind: 'resume' }, input.body.generation));
  route(app, services, operations.promoteRollout, (input) => {
    const { target_pct: targetPct, generation } = input.body;
    return change(input, { kind: 'promote', ...(targetPct === undefined ? {} : { targetPct }) }, generation);
  });
  route(app, services, operations.skipGate, (input) => {
    const { target_pct: targetPct, reason, generation } = input.body;
    return change(input, { kind: 'skip', targetPct, reason }, generation);
  });
  route(app, services, operations.signOffRollout, (input) =>
    change(input, { kind: 'sign_off' }, input.body.generation),
  );

  route(app, services, operations.getCanaryStatus, ({ caller, params }) => canaryStatus(services, caller, params.id));
  route(app, services, operations.checkGates, ({ caller, params, body }) =>
    checkGates(services, caller, params.id, body),
  );
  route(app, services, operations.promoteBundle, async (input) => {
    const { caller, params, body } = input;
    const row = await newestRolloutOf(pool, caller.workspaceId, params.id);
    if (!row || isOver(row)) {
      const bundle = await bundleById(pool, caller.workspaceId, params.id);
      return bundle
        ? refuse('bundle_not_in_force', `no rollout of bundle ${params.id} runs; activate it`)
        : noBundle(params.id);
    }
    const changed = await change(
      { ...input, params: { id: row.id } },
      { kind: 'promote', targetPct: body.target_pct ?? 100 },
      undefined,
    );
    if (changed instanceof Refusal) return changed;
    const bundle = await bundleById(pool, caller.workspaceId, params.id);
    return bundle ? bundleDocument(await withFindings(services, caller.workspaceId, bundle)) : noBundle(params.id);
  });

  const back = async (caller: Caller, bundleId: number, body: Back): Promise<RollbackResult | Refusal> => {
    const order = {
      workspaceId: caller.workspaceId,
      bundleId,
      actor: caller.owner,
      reason: body.reason,
      claimedActor: body.rolled_back_by ?? null,
      createIncident: body.create_incident ?? true,
      now: services.clock.now(),
    };
    const done = await withTransaction(services.db.pool, (tx) => rollBack(tx, order));
    if (done instanceof Refusal) return done;
    logUntold(services.log, caller.workspaceId, done);
    if (done.generation !== null) await services.enforcement.reach(caller.workspaceId, done.generation);
    return rollbackResult(done);
  };
  const keyed = (caller: Caller, headers: Headers, command: Readonly<Record<string, unknown>>) => ({
    caller,
    key: headers['idempotency-key'],
    command,
    now: services.clock.now(),
  });
  route(app, services, operations.rollbackBundle, ({ caller, params, body, headers }) =>
    answerOnce(keyed(caller, headers, { rollback: params.id, ...body }), () => back(caller, params.id, body)),
  );
  route(app, services, operations.rollbackRollout, async ({ caller, params, body, headers }) => {
    const row = await rolloutById(pool, caller.workspaceId, params.id);
    if (!row) return noRollout(params.id);
    const newest = await newestRolloutOf(pool, caller.workspaceId, row.bundle_id);
    if (newest?.id !== row.id || row.phase === 'superseded' || row.phase === 'aborted') {
      return refuse('rollout_over', `rollout ${row.id} is ${row.phase.replace('_', ' ')} and decides nothing`);
    }
    const command = { rollback_rollout: params.id, ...body };
    return answerOnce(keyed(caller, headers, command), () => back(caller, row.bundle_id, body));
  });
}

interface Back {
  readonly reason: string;
  readonly create_incident?: boolean;
  readonly rolled_back_by?: string;
}

function rollbackResult({ from, to, changed, safe, incidentId }: Rollback): RollbackResult {
  const now = safe
    ? 'the built-in safe bundle denies everything until another is activated'
    : to
      ? `bundle ${to.version} decides everything`
      : 'nothing has decided by it';
  return {
    id: to?.id ?? null,
    version: to?.version ?? null,
    rolled_back_from: from.version,
    active: to !== null,
    canary_pct: to === null ? 0 : 100,
    message: `bundle ${from.version} ${changed ? 'is' : 'was already'} rolled back; ${now}`,
    incident_created: incidentId !== null,
    incident_id: incidentId,
  };
}
