import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { invalid, route } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { evaluate, evaluateBatch } from './evaluate.js';
import { reportOutcome } from './outcome.js';
import { decisionById, listDecisions } from './queries.js';
import { recordOf } from './record.js';
import { explainRecorded, replayRecorded } from './replay.js';

export function decisionRoutes(app: FastifyInstance, services: Services): void {
  const { db, policyArchive } = services;

  route(app, services, operations.evaluate, ({ body, caller }) => evaluate(services, caller, body));

  route(app, services, operations.evaluateBatch, async ({ body, caller, request }) => {
    const decisions = await evaluateBatch(services, caller, body.requests);
    if (decisions instanceof Refusal) return decisions;
    for (const each of decisions) {
      if (!('error' in each)) continue;
      services.denials.note({ caller, what: 'evaluateBatch', code: each.error.code, address: request.ip });
    }
    return { decisions };
  });

  route(app, services, operations.listDecisions, ({ query, caller }) => {
    // A leap second is a valid time of RFC 3339 that no Date can hold.
    const wrong = (['from', 'to'] as const).find((name) => Number.isNaN(Date.parse(query[name] ?? '1970-01-01')));
    if (wrong) return invalid([{ path: wrong, message: 'must be a time that exists' }]);
    return listDecisions(db.pool, caller.workspaceId, query);
  });

  route(app, services, operations.getDecision, async ({ params, query, caller }) => {
    const row = await decisionById(db.pool, caller.workspaceId, params.id);
    if (!row) return refuse('not_found', `there is no decision ${params.id}`);
    if (!query.explain) return recordOf(row);
    const policy = await policyArchive.policyOf(row, caller.workspaceId);
    return policy instanceof Refusal ? policy : { ...recordOf(row), trace: explainRecorded(policy, row) };
  });

  route(app, services, operations.reportOutcome, ({ params, body, caller }) =>
    reportOutcome(services, caller, params.id, body),
  );

  route(app, services, operations.replayDecision, async ({ params, caller }) => {
    const row = await decisionById(db.pool, caller.workspaceId, params.id);
    if (!row) return refuse('not_found', `there is no decision ${params.id}`);
    const policy = await policyArchive.policyOf(row, caller.workspaceId);
    return policy instanceof Refusal ? policy : replayRecorded(policy, row);
  });
}
