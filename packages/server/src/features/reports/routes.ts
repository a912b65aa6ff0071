import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bundleHead, noBundle } from '../bundles/queries.js';
import { type RolloutRow, rolloutById } from '../rollouts/queries.js';
import { decisionSummary } from './decision-summary.js';
import { policyReport } from './policy-report.js';
import { rolloutChanges } from './rollout-changes.js';
import { rolloutSeries } from './rollout-series.js';
import { rolloutTimeline } from './rollout-timeline.js';
import { ruleUsage } from './rule-usage.js';

export function reportRoutes(app: FastifyInstance, services: Services): void {
  const { clock } = services;
  const { pool } = services.db;

  const ofRollout = async <T>(
    workspaceId: number,
    id: number,
    read: (row: RolloutRow) => Promise<T>,
  ): Promise<T | Refusal> => {
    const row = await rolloutById(pool, workspaceId, id);
    return row ? read(row) : refuse('not_found', `there is no rollout ${id}; list them with GET /policy/rollouts`);
  };

  route(app, services, operations.getDecisionSummary, ({ caller, query }) =>
    decisionSummary(pool, caller.workspaceId, query, clock.now()),
  );
  route(app, services, operations.getPolicyReport, ({ caller, query }) =>
    policyReport(pool, caller.workspaceId, query.days, clock.now()),
  );
  route(app, services, operations.getRolloutSeries, ({ caller, params, query }) =>
    ofRollout(caller.workspaceId, params.id, (row) => rolloutSeries(pool, row, query, clock.now())),
  );
  route(app, services, operations.getRolloutChanges, ({ caller, params }) =>
    ofRollout(caller.workspaceId, params.id, (row) => rolloutChanges(pool, row, clock.now())),
  );
  route(app, services, operations.getRolloutTimeline, ({ caller, params, query }) =>
    ofRollout(caller.workspaceId, params.id, (row) => rolloutTimeline(pool, row, query)),
  );
  route(app, services, operations.getRuleUsage, async ({ caller, params, query }) => {
    const bundle = await bundleHead(pool, caller.workspaceId, params.id);
    if (!bundle) return noBundle(params.id);
    return ruleUsage(pool, caller.workspaceId, { bundleId: params.id, days: query.days }, clock.now());
  });
}
