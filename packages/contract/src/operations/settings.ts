import { defineOperation, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import { PutSettings, Settings } from '../schemas/settings.js';

const tag = 'Settings';

export const getSettings = defineOperation({
  id: 'getSettings',
  method: 'GET',
  path: '/policy/settings',
  tag,
  summary: 'The settings of the workspace',
  access: readers,
  status: 200,
  response: Settings,
  problems: [],
});

export const putSettings = defineOperation({
  id: 'putSettings',
  method: 'PUT',
  path: '/policy/settings',
  tag,
  summary: 'Change settings; what is left out stays',
  access: ['admin'],
  body: PutSettings,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Settings,
  problems: ['approval_required', 'approval_mismatch', 'approval_not_approved', 'approval_expired', 'approval_used'],
});
