import { defineOperation, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  DisablePolicy,
  EmergencySwitch,
  EnablePolicy,
  PinBundle,
  PinnedBundle,
  UnpinBundle,
} from '../schemas/emergency.js';
import { WouldDeny, WouldDenyQuery } from '../schemas/observation.js';

const tag = 'System';

export const disablePolicy = defineOperation({
  id: 'disablePolicy',
  method: 'POST',
  path: '/policy/system/disable',
  tag,
  summary: 'Break the glass: one effect for whoever asks, for an hour at most',
  description:
    'Of this workspace only. What the policy says is still decided and recorded. Opens an incident, and is over by itself. A second `allow` within 24 hours takes two: the first request is kept for half an hour and answered 409 `second_person_needed`; when another admin asks for `allow` as well, it is done, for the shorter of the two times.',
  access: ['admin'],
  body: DisablePolicy,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: EmergencySwitch,
  problems: ['second_person_needed'],
});

export const enablePolicy = defineOperation({
  id: 'enablePolicy',
  method: 'POST',
  path: '/policy/system/enable',
  tag,
  summary: 'Let the policy decide again',
  description: 'Where nothing is pinned it changes nothing. A request that waits for a second person is withdrawn.',
  access: ['admin'],
  body: EnablePolicy,
  bodyOptional: true,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: EmergencySwitch,
  problems: [],
});

export const pinBundle = defineOperation({
  id: 'pinBundle',
  method: 'POST',
  path: '/policy/system/pin',
  tag,
  summary: 'Let one bundle decide everything, whatever the rollouts say',
  description:
    'For a bundle that decided everything before and was not taken back since; another one needs an approved activation. Until it ends nothing is activated or promoted; rollbacks go on. Counts in no gate, opens an incident.',
  access: ['operator', 'admin'],
  body: PinBundle,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: PinnedBundle,
  problems: ['not_found', 'bundle_not_proven', 'bundle_invalid', 'approval_required'],
});

export const unpinBundle = defineOperation({
  id: 'unpinBundle',
  method: 'POST',
  path: '/policy/system/unpin',
  tag,
  summary: 'Let the rollouts decide again',
  description: 'Where nothing is pinned it changes nothing.',
  access: ['operator', 'admin'],
  body: UnpinBundle,
  bodyOptional: true,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: PinnedBundle,
  problems: [],
});

export const getWouldDeny = defineOperation({
  id: 'getWouldDeny',
  method: 'GET',
  path: '/policy/decisions/would-deny',
  tag: 'Decisions',
  summary: 'What observed agents would have been denied',
  description:
    'Of agents in `mode: observe`: what was answered `allow` only because they are observed, by agent, action and rule, most frequent first.',
  access: readers,
  query: WouldDenyQuery,
  status: 200,
  response: WouldDeny,
  problems: [],
});
