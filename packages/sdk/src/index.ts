export {
  type Approval,
  approvalStatuses,
  type Bundle,
  type Decision,
  type DecisionRecord,
  type EvaluateRequest,
  type Finding,
  type Incident,
  type IncidentSummary,
  incidentStatuses,
  type Problem,
  type ProblemCode,
  type Role,
  risks,
  roles,
  type Snapshot,
} from '@policy-studio/contract';
export {
  type AskOptions,
  type ClientOptions,
  type FullAnswer,
  type Namespaces,
  PolicyStudioClient,
  type Verdict,
} from './client.js';
export type { JsonFault } from './json-fault.js';
export {
  type LocalBundle,
  type LocalBundleSource,
  type LocalDecision,
  type LocalExplanation,
  LocalPolicy,
  type LocalPolicyOptions,
} from './local-policy.js';
export type { AnswerOf, InputOf } from './operation-input.js';
export {
  type ClientProblemCode,
  clientProblems,
  ProblemError,
  type ProblemErrorCode,
} from './problem-error.js';
export { type LocalRequest, requestFault } from './request.js';
export type { CallOptions } from './transport.js';
