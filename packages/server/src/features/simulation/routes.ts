import { type Operation, operations } from '@policy-studio/contract';
import { fixtures } from '@policy-studio/engine';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { route } from '../../http/route.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { jobDocument } from '../jobs/queries.js';
import { askedOf } from './asked.js';
import { type SimulationAnswer, simulate } from './commands.js';

export function simulationRoutes(app: FastifyInstance, services: Services): void {
  const { clock } = services;

  route(app, services, operations.listFixtures, () => ({
    fixtures: fixtures.map((fixture) => ({ ...fixture })),
    total: fixtures.length,
  }));

  route(app, services, operations.simulate, async ({ body, caller, reply }) => {
    const asked = askedOf({ kind: 'simulate', ...body }, clock.now());
    if (asked instanceof Refusal) return asked;
    return send(reply, operations.simulate, await simulate(services, caller, asked));
  });

  route(app, services, operations.compareSimulations, async ({ body, caller, reply }) => {
    const asked = askedOf({ kind: 'compare', ...body }, clock.now());
    if (asked instanceof Refusal) return asked;
    return send(reply, operations.compareSimulations, await simulate(services, caller, asked));
  });

  route(app, services, operations.measureCases, async ({ body, caller, reply }) => {
    const asked = askedOf({ kind: 'mutate', ...body }, clock.now());
    if (asked instanceof Refusal) return asked;
    return send(reply, operations.measureCases, await simulate(services, caller, asked));
  });
}

/** The report as it came out of its thread, or the job that it became. */
function send(reply: FastifyReply, operation: Operation, answer: SimulationAnswer | Refusal): FastifyReply | Refusal {
  if (answer instanceof Refusal) return answer;
  if ('job' in answer) {
    reply.code(operation.deferred?.status ?? 202).header('location', `/policy/jobs/${answer.job.id}`);
    return reply.send(jobDocument(answer.job));
  }
  return reply.code(operation.status).type('application/json; charset=utf-8').send(Buffer.from(answer.json));
}
