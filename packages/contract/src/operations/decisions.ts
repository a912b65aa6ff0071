import { defineOperation, largeBodyBytes, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  BatchAnswer,
  Decision,
  DecisionGetQuery,
  DecisionListQuery,
  DecisionPage,
  DecisionParams,
  DecisionRecord,
  EvaluateBatch,
  EvaluateRequest,
  OutcomeReport,
  ReplayAnswer,
} from '../schemas/decision.js';

const tag = 'Decisions';

export const evaluate = defineOperation({
  id: 'evaluate',
  method: 'POST',
  path: '/policy/evaluate',
  tag,
  summary: 'Ask whether an agent may act',
  description:
    'The answer is on record before it is given. `request_id` makes a retry answer the same decision. `explain` is not for the agent role.',
  access: ['agent', 'admin'],
  body: EvaluateRequest,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Decision,
  problems: ['agent_not_permitted', 'request_id_reused', 'request_id_superseded', 'overloaded'],
});

export const evaluateBatch = defineOperation({
  id: 'evaluateBatch',
  method: 'POST',
  path: '/policy/evaluate/batch',
  tag,
  summary: 'Ask up to 1,000 questions at once',
  description: 'Answers in order; a bad request answers `{error}` in its place and the others stand.',
  access: ['agent', 'admin'],
  body: EvaluateBatch,
  bodyLimit: largeBodyBytes,
  status: 200,
  response: BatchAnswer,
  problems: ['overloaded'],
});

export const listDecisions = defineOperation({
  id: 'listDecisions',
  method: 'GET',
  path: '/policy/decisions',
  tag,
  summary: 'Recorded decisions, newest first',
  access: readers,
  query: DecisionListQuery,
  status: 200,
  response: DecisionPage,
  problems: [],
});

export const getDecision = defineOperation({
  id: 'getDecision',
  method: 'GET',
  path: '/policy/decisions/{id}',
  tag,
  summary: 'One recorded decision, with its trace on request',
  access: readers,
  params: DecisionParams,
  query: DecisionGetQuery,
  status: 200,
  response: DecisionRecord,
  problems: ['not_found', 'not_replayable'],
});

export const reportOutcome = defineOperation({
  id: 'reportOutcome',
  method: 'POST',
  path: '/policy/decisions/{id}/outcome',
  tag,
  summary: 'Say how the action went',
  description: 'Once a decision, by the key that asked, within 24 hours. Settles the reserved cost.',
  access: ['agent', 'admin'],
  params: DecisionParams,
  body: OutcomeReport,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: DecisionRecord,
  problems: ['not_found', 'outcome_reported', 'outcome_too_late'],
});

export const replayDecision = defineOperation({
  id: 'replayDecision',
  method: 'POST',
  path: '/policy/decisions/{id}/replay',
  tag,
  summary: 'Prove a recorded decision',
  description: 'Decides again from the recorded bundle, lists, default effect, request and facts.',
  access: readers,
  params: DecisionParams,
  status: 200,
  response: ReplayAnswer,
  problems: ['not_found', 'not_replayable'],
});
