import Type from 'typebox';
import { defineOperation, largeBodyBytes } from '../operation.js';
import { examiners, readers } from '../roles.js';
import { Job } from '../schemas/job.js';
import {
  Compare,
  Comparison,
  inlineCases,
  Mutate,
  MutationCoverage,
  Simulate,
  Simulation,
  SimulationCase,
} from '../schemas/simulation.js';

const tag = 'Simulation';
const deferred = { status: 202, response: Job } as const;
const problems = [
  'not_found',
  'bundle_rejected',
  'bundle_invalid',
  'too_much_work',
  'too_many_jobs',
  'overloaded',
] as const;
const when = `More than ${inlineCases.toLocaleString('en')} cases, or work for more than eight seconds, become a job: then 202, and the answer is the job.`;

export const listFixtures = defineOperation({
  id: 'listFixtures',
  method: 'GET',
  path: '/policy/simulate/fixtures',
  tag,
  summary: 'The nine cases to try rules on',
  access: readers,
  status: 200,
  response: Type.Object({ fixtures: Type.Array(SimulationCase), total: Type.Integer() }),
  problems: [],
});

export const simulate = defineOperation({
  id: 'simulate',
  method: 'POST',
  path: '/policy/simulate',
  tag,
  summary: 'See what rules would decide',
  description: `Nothing is enforced or recorded. The lists, the catalog and the default effect are the workspace's. ${when}`,
  access: examiners,
  body: Simulate,
  bodyLimit: largeBodyBytes,
  status: 200,
  response: Simulation,
  deferred,
  problems,
});

export const compareSimulations = defineOperation({
  id: 'compareSimulations',
  method: 'POST',
  path: '/policy/simulate/compare',
  tag,
  summary: 'See which cases two bundles decide differently',
  description: when,
  access: examiners,
  body: Compare,
  bodyLimit: largeBodyBytes,
  status: 200,
  response: Comparison,
  deferred,
  problems,
});

export const measureCases = defineOperation({
  id: 'measureCases',
  method: 'POST',
  path: '/policy/simulate/mutate',
  tag,
  summary: 'See which mistakes in rules no case would notice',
  description: `Changes the rules in small ways, one at a time, and runs the cases on each. For every change that goes unnoticed a case that would notice it is offered. ${when}`,
  access: examiners,
  body: Mutate,
  bodyLimit: largeBodyBytes,
  status: 200,
  response: MutationCoverage,
  deferred,
  problems,
});
