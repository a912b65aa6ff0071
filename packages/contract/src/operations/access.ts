import { defineOperation, smallBodyBytes } from '../operation.js';
import { roles } from '../roles.js';
import { ApiKeyListQuery, ApiKeyPage, CreateApiKey, CreatedApiKey, Whoami } from '../schemas/access.js';
import { IdParams } from '../schemas/vocabulary.js';

const tag = 'Access';

export const createApiKey = defineOperation({
  id: 'createApiKey',
  method: 'POST',
  path: '/policy/api-keys',
  tag,
  summary: 'Make an API key; it is shown this once',
  access: ['admin'],
  body: CreateApiKey,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: CreatedApiKey,
  problems: [],
});

export const listApiKeys = defineOperation({
  id: 'listApiKeys',
  method: 'GET',
  path: '/policy/api-keys',
  tag,
  summary: 'API keys that are not revoked',
  access: ['admin'],
  query: ApiKeyListQuery,
  status: 200,
  response: ApiKeyPage,
  problems: [],
});

export const revokeApiKey = defineOperation({
  id: 'revokeApiKey',
  method: 'DELETE',
  path: '/policy/api-keys/{id}',
  tag,
  summary: 'Revoke an API key',
  access: ['admin'],
  params: IdParams,
  status: 204,
  problems: ['not_found'],
});

export const whoami = defineOperation({
  id: 'whoami',
  method: 'GET',
  path: '/policy/whoami',
  tag,
  summary: 'Who this key speaks for',
  access: roles,
  status: 200,
  response: Whoami,
  problems: [],
});
