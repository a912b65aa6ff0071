export {
  type Approval,
  type AuditCheckpoint,
  type AuditEntry,
  approvalStatuses,
  auditEntryHash,
  type Bundle,
  type CanaryStatus,
  type Channel,
  channelKinds,
  channelTopics,
  checkpointText,
  type Decision,
  type DecisionRecord,
  type EmergencySwitch,
  type EvaluateRequest,
  type Finding,
  type Gate,
  type Incident,
  type IncidentSummary,
  incidentStatuses,
  isEnvelope,
  lifetimeFault,
  type OperationId,
  openEnvelope,
  operations,
  type PinnedBundle,
  type Problem,
  type ProblemCode,
  type Replica,
  type Role,
  type RollbackResult,
  type RolloutDocument as Rollout,
  type RolloutPhase,
  type RolloutSummary,
  risks,
  roles,
  rolloutPhases,
  type Snapshot,
  type System,
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
export type { ApprovalOptions } from './waiting.js';
