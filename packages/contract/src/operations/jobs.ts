import Type from 'typebox';
import { defineOperation } from '../operation.js';
import { examiners, readers } from '../roles.js';
import { Job, JobPage } from '../schemas/job.js';
import { Comparison, MutationCoverage, Simulation } from '../schemas/simulation.js';
import { IdParams, pageQuery } from '../schemas/vocabulary.js';

const tag = 'Jobs';

export const listJobs = defineOperation({
  id: 'listJobs',
  method: 'GET',
  path: '/policy/jobs',
  tag,
  summary: 'Jobs, newest first',
  description: 'Kept for 24 hours after their end, the newest 100 of a workspace.',
  access: readers,
  query: Type.Object(pageQuery),
  status: 200,
  response: JobPage,
  problems: [],
});

export const getJob = defineOperation({
  id: 'getJob',
  method: 'GET',
  path: '/policy/jobs/{id}',
  tag,
  summary: 'How far a job is',
  access: readers,
  params: IdParams,
  status: 200,
  response: Job,
  problems: ['not_found'],
});

export const cancelJob = defineOperation({
  id: 'cancelJob',
  method: 'POST',
  path: '/policy/jobs/{id}/cancel',
  tag,
  summary: 'Stop a job',
  description: 'Whoever asked for it may, and an admin. A job that was canceled before is answered as it is.',
  access: examiners,
  params: IdParams,
  status: 200,
  response: Job,
  problems: ['not_found', 'job_ended'],
});

export const getJobResult = defineOperation({
  id: 'getJobResult',
  method: 'GET',
  path: '/policy/jobs/{id}/result',
  tag,
  summary: 'Download what a job has found',
  description: 'What the operation would have answered at once, as an attachment.',
  access: readers,
  params: IdParams,
  status: 200,
  response: Type.Union([Simulation, Comparison, MutationCoverage]),
  problems: ['not_found', 'job_not_done'],
});
