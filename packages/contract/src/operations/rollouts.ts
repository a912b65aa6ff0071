import Type from 'typebox';
import { defineOperation, smallBodyBytes } from '../operation.js';
import type { ProblemCode } from '../problem.js';
import { readers } from '../roles.js';
import { Bundle } from '../schemas/bundle.js';
import {
  CanaryStatus,
  ChangeRollout,
  CheckGates,
  GateCheck,
  PauseRollout,
  PromoteBundle,
  PromoteRollout,
  RollBackBundle,
  RollBackRollout,
  RollbackResult,
  RolloutDocument,
  RolloutListQuery,
  RolloutPage,
  SkipGate,
} from '../schemas/rollout.js';
import { IdParams } from '../schemas/vocabulary.js';

const tag = 'Rollouts';
const access = ['operator', 'admin'] as const;

const idempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: '^[!-~]+$',
      description: 'The same key answers what was answered first, for a day; another command with it is 409.',
    }),
  ),
});

const promotion = [
  'rollout_not_running',
  'rollout_over',
  'rollout_held',
  'gates_not_passed',
  'dwell_not_over',
  'step_skipped',
  'step_passed',
  'sign_off_needed',
  'frozen',
  'conflict',
  'idempotency_key_reused',
] as const satisfies readonly ProblemCode[];

export const listRollouts = defineOperation({
  id: 'listRollouts',
  method: 'GET',
  path: '/policy/rollouts',
  tag,
  summary: 'Rollouts, newest first',
  access: readers,
  query: RolloutListQuery,
  status: 200,
  response: RolloutPage,
  problems: [],
});

export const getRollout = defineOperation({
  id: 'getRollout',
  method: 'GET',
  path: '/policy/rollouts/{id}',
  tag,
  summary: 'One rollout with its gates and the evidence of its step',
  access: readers,
  params: IdParams,
  status: 200,
  response: RolloutDocument,
  problems: ['not_found'],
});

const onRollout = {
  method: 'POST',
  tag,
  access,
  params: IdParams,
  headers: idempotencyHeader,
  bodyLimit: smallBodyBytes,
  status: 200,
} as const;

export const pauseRollout = defineOperation({
  ...onRollout,
  id: 'pauseRollout',
  bodyOptional: true,
  path: '/policy/rollouts/{id}/pause',
  summary: 'Hold a rollout where it is',
  description: 'Checks for a rollback go on.',
  body: PauseRollout,
  response: RolloutDocument,
  problems: ['not_found', 'rollout_not_running', 'rollout_over', 'conflict', 'idempotency_key_reused'],
});

export const resumeRollout = defineOperation({
  ...onRollout,
  id: 'resumeRollout',
  bodyOptional: true,
  path: '/policy/rollouts/{id}/resume',
  summary: 'End a pause',
  body: ChangeRollout,
  response: RolloutDocument,
  problems: ['not_found', 'rollout_over', 'conflict', 'idempotency_key_reused'],
});

export const promoteRollout = defineOperation({
  ...onRollout,
  id: 'promoteRollout',
  bodyOptional: true,
  path: '/policy/rollouts/{id}/promote',
  summary: 'Go on to the next step now',
  description: 'When all gates pass and the step has had its healthy time; else 409 with the reasons.',
  body: PromoteRollout,
  response: RolloutDocument,
  problems: ['not_found', ...promotion],
});

export const skipGate = defineOperation({
  ...onRollout,
  id: 'skipGate',
  path: '/policy/rollouts/{id}/skip',
  summary: 'Go on past gates and healthy time',
  description:
    'Under four eyes it takes two: the first request is kept as `skip_asked`, and the same share asked for by another person does it.',
  body: SkipGate,
  response: RolloutDocument,
  problems: ['not_found', 'self_approval', ...promotion],
});

export const signOffRollout = defineOperation({
  ...onRollout,
  id: 'signOffRollout',
  bodyOptional: true,
  path: '/policy/rollouts/{id}/sign-off',
  summary: 'Take responsibility for newly allowed actions of high risk',
  access: ['approver', 'operator', 'admin'],
  description: 'By a named person; under four eyes not the one who activated the bundle.',
  body: ChangeRollout,
  response: RolloutDocument,
  problems: ['not_found', 'rollout_over', 'sign_off_not_needed', 'self_approval', 'conflict', 'idempotency_key_reused'],
});

export const rollbackRollout = defineOperation({
  ...onRollout,
  id: 'rollbackRollout',
  path: '/policy/rollouts/{id}/rollback',
  summary: 'Stop enforcing its bundle',
  description:
    'One person and a reason. Needs no generation, wins against a promotion, and doing so again changes nothing.',
  body: RollBackRollout,
  response: RollbackResult,
  problems: ['not_found', 'rollout_over', 'bundle_not_in_force', 'idempotency_key_reused'],
});

export const getCanaryStatus = defineOperation({
  id: 'getCanaryStatus',
  method: 'GET',
  path: '/policy/bundles/{id}/canary-status',
  tag,
  summary: 'How far a bundle has come, and what is next',
  access: readers,
  params: IdParams,
  status: 200,
  response: CanaryStatus,
  problems: ['not_found'],
});

export const checkGates = defineOperation({
  id: 'checkGates',
  method: 'POST',
  path: '/policy/bundles/{id}/check-gates',
  tag,
  summary: 'Whether the gates pass, by what was seen or by given figures',
  description:
    'Without `metrics` the gates of the rollout; with them plain thresholds, as an offline check. Changes nothing.',
  access: readers,
  params: IdParams,
  body: CheckGates,
  bodyOptional: true,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: GateCheck,
  problems: ['not_found'],
});

export const promoteBundle = defineOperation({
  ...onRollout,
  id: 'promoteBundle',
  bodyOptional: true,
  path: '/policy/bundles/{id}/promote',
  summary: 'Bring a bundle to its next step',
  body: PromoteBundle,
  response: Bundle,
  problems: ['not_found', 'bundle_not_in_force', ...promotion],
});

export const rollbackBundle = defineOperation({
  ...onRollout,
  id: 'rollbackBundle',
  path: '/policy/bundles/{id}/rollback',
  summary: 'Stop enforcing a bundle',
  description:
    'The bundle before it decides everything again; where there is none, the built-in safe bundle, which denies. One person and a reason of ten characters. Doing so again changes nothing.',
  body: RollBackBundle,
  response: RollbackResult,
  problems: ['not_found', 'bundle_not_in_force', 'idempotency_key_reused'],
});
