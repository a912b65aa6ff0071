import { defineOperation } from '../operation.js';
import { readers } from '../roles.js';
import {
  DecisionSummary,
  DecisionSummaryQuery,
  PolicyReport,
  ReportQuery,
  RolloutChanges,
  RolloutSeries,
  RolloutTimeline,
  RuleUsage,
  RuleUsageQuery,
  SeriesQuery,
  TimelineQuery,
} from '../schemas/report.js';
import { IdParams } from '../schemas/vocabulary.js';

const reading = { method: 'GET', tag: 'Reports', access: readers, status: 200 } as const;

export const getDecisionSummary = defineOperation({
  ...reading,
  id: 'getDecisionSummary',
  path: '/policy/decisions/summary',
  summary: 'Decisions over time, by effect',
  description:
    'Of the last 24 hours unless it says otherwise, at most 1,500 buckets, aligned to UTC; buckets below an hour reach over 48 hours. Known to the minute, as far back as decisions are kept.',
  query: DecisionSummaryQuery,
  response: DecisionSummary,
  problems: [],
});

export const getPolicyReport = defineOperation({
  ...reading,
  id: 'getPolicyReport',
  path: '/policy/report',
  summary: 'How changes of policy go: five figures with their targets',
  query: ReportQuery,
  response: PolicyReport,
  problems: [],
});

export const getRolloutSeries = defineOperation({
  ...reading,
  id: 'getRolloutSeries',
  path: '/policy/rollouts/{id}/series',
  summary: 'What the gates of a rollout measure over time, in both arms, with what follows and when',
  description:
    'Decisions as they were answered, by the minute they were made. A bundle in shadow decides nothing, so its arm is empty until the first share of traffic.',
  params: IdParams,
  query: SeriesQuery,
  response: RolloutSeries,
  problems: ['not_found'],
});

export const getRolloutChanges = defineOperation({
  ...reading,
  id: 'getRolloutChanges',
  path: '/policy/rollouts/{id}/changes',
  summary: 'Decisions of the current step that the candidate changes, in groups with examples',
  params: IdParams,
  response: RolloutChanges,
  problems: ['not_found'],
});

export const getRolloutTimeline = defineOperation({
  ...reading,
  id: 'getRolloutTimeline',
  path: '/policy/rollouts/{id}/timeline',
  summary: 'What happened to a rollout, its bundle, its approval and its incidents, newest first',
  description: 'Changes of the draft are left out.',
  params: IdParams,
  query: TimelineQuery,
  response: RolloutTimeline,
  problems: ['not_found'],
});

export const getRuleUsage = defineOperation({
  ...reading,
  id: 'getRuleUsage',
  path: '/policy/bundles/{id}/usage',
  summary: 'What each rule of a bundle decided lately',
  params: IdParams,
  query: RuleUsageQuery,
  response: RuleUsage,
  problems: ['not_found'],
});
