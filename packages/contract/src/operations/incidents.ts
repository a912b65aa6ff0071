import { defineOperation, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  Incident,
  IncidentAssignment,
  IncidentComment,
  IncidentListQuery,
  IncidentPage,
  IncidentStep,
  OpenIncident,
  PostMortem,
} from '../schemas/incident.js';
import { IdParams } from '../schemas/vocabulary.js';

const tag = 'Incidents';
const access = ['operator', 'admin'] as const;

export const createIncident = defineOperation({
  id: 'createIncident',
  method: 'POST',
  path: '/policy/incidents',
  tag,
  summary: 'Open an incident, or add to the one of that key',
  description:
    'An incident from outside that is not closed takes up what comes with its `key`: `occurrences` grows, the severity may rise, never fall, and one that was mitigated or resolved is open again. Without a key it is one of its own. When it is `high` or `critical` and `tied_to_policy` (the default), it may roll a fresh activation back, once.',
  access,
  body: OpenIncident,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: Incident,
  problems: [],
});

export const listIncidents = defineOperation({
  id: 'listIncidents',
  method: 'GET',
  path: '/policy/incidents',
  tag,
  summary: 'Incidents, newest first',
  access: readers,
  query: IncidentListQuery,
  status: 200,
  response: IncidentPage,
  problems: [],
});

export const getIncident = defineOperation({
  id: 'getIncident',
  method: 'GET',
  path: '/policy/incidents/{id}',
  tag,
  summary: 'One incident with its timeline',
  access: readers,
  params: IdParams,
  status: 200,
  response: Incident,
  problems: ['not_found'],
});

export const getPostMortem = defineOperation({
  id: 'getPostMortem',
  method: 'GET',
  path: '/policy/incidents/{id}/post-mortem',
  tag,
  summary: 'A draft of the post-mortem, in Markdown',
  description:
    'Made anew with every request from the incident, its timeline and what else changed in the workspace from an hour before it was opened until it was resolved.',
  access: readers,
  params: IdParams,
  status: 200,
  response: PostMortem,
  problems: ['not_found'],
});

const step = <Id extends string, Verb extends string>(
  id: Id,
  verb: Verb,
  told: { readonly summary: string; readonly description?: string },
) =>
  defineOperation({
    id,
    method: 'POST',
    path: `/policy/incidents/{id}/${verb}`,
    tag,
    ...told,
    access,
    params: IdParams,
    body: IncidentStep,
    bodyOptional: true,
    bodyLimit: smallBodyBytes,
    status: 200,
    response: Incident,
    problems: ['not_found', 'incident_status'],
  });

export const acknowledgeIncident = step('acknowledgeIncident', 'acknowledge', {
  summary: 'Say that somebody looks after it',
  description: 'Who acknowledges an incident that is assigned to nobody takes it on.',
});

export const mitigateIncident = step('mitigateIncident', 'mitigate', {
  summary: 'Say that it does no more harm',
});

export const resolveIncident = step('resolveIncident', 'resolve', {
  summary: 'Say that its cause is gone',
  description: 'From any status before it: a false alarm takes one step.',
});

export const closeIncident = step('closeIncident', 'close', {
  summary: 'Close what is resolved',
  description: 'What is closed stays so: the same key opens another incident.',
});

export const commentIncident = defineOperation({
  id: 'commentIncident',
  method: 'POST',
  path: '/policy/incidents/{id}/comment',
  tag,
  summary: 'Add to the timeline',
  description: 'At any time, after it is closed too.',
  access,
  params: IdParams,
  body: IncidentComment,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Incident,
  problems: ['not_found'],
});

export const assignIncident = defineOperation({
  id: 'assignIncident',
  method: 'POST',
  path: '/policy/incidents/{id}/assign',
  tag,
  summary: 'Say who looks after it',
  access,
  params: IdParams,
  body: IncidentAssignment,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Incident,
  problems: ['not_found', 'incident_status'],
});
