import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import { route } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { cancelJob, noJob } from './commands.js';
import { jobById, jobDocument, jobPage, jobResult } from './queries.js';

const decompress = promisify(gunzip);

export function jobRoutes(app: FastifyInstance, services: Services): void {
  const { pool } = services.db;

  route(app, services, operations.listJobs, ({ caller, query }) => jobPage(pool, caller.workspaceId, query));

  route(app, services, operations.getJob, async ({ caller, params }) => {
    const job = await jobById(pool, caller.workspaceId, params.id);
    return job ? jobDocument(job) : noJob(params.id);
  });

  route(app, services, operations.cancelJob, async ({ caller, params }) => {
    const job = await cancelJob(services, caller, params.id);
    return job instanceof Refusal ? job : jobDocument(job);
  });

  route(app, services, operations.getJobResult, async ({ caller, params, request, reply }) => {
    const job = await jobById(pool, caller.workspaceId, params.id);
    if (!job) return noJob(params.id);
    const result = job.status === 'done' ? await jobResult(pool, caller.workspaceId, params.id) : null;
    if (!result) {
      const why = job.error === null ? '' : `: ${job.error}`;
      return refuse('job_not_done', `job ${params.id} is ${job.status}${why}`);
    }
    reply
      .code(operations.getJobResult.status)
      .type('application/json; charset=utf-8')
      .header('content-disposition', `attachment; filename="policy-${job.kind}-${job.id}.json"`)
      .header('vary', 'accept-encoding');
    // It is kept compressed, and may leave so.
    if (/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(request.headers['accept-encoding'] ?? '')) {
      return reply.header('content-encoding', 'gzip').send(result);
    }
    return reply.send(await decompress(result));
  });
}
