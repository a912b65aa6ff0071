import Type from 'typebox';
import { defineOperation, smallBodyBytes } from '../operation.js';
import { readers, roles } from '../roles.js';
import {
  ApiKeyListQuery,
  ApiKeyPage,
  AuditPage,
  AuditQuery,
  CreateApiKey,
  CreatedApiKey,
  SystemStatus,
  Whoami,
} from '../schemas/access.js';
import { IdParams } from '../schemas/common.js';

export const createApiKey = defineOperation({
  id: 'createApiKey',
  method: 'POST',
  path: '/policy/api-keys',
  tag: 'Access',
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
  tag: 'Access',
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
  tag: 'Access',
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
  tag: 'Access',
  summary: 'Who this key speaks for',
  access: roles,
  status: 200,
  response: Whoami,
  problems: [],
});

export const listAudit = defineOperation({
  id: 'listAudit',
  method: 'GET',
  path: '/policy/audit',
  tag: 'Audit',
  summary: 'Everything that changed, newest first',
  access: readers,
  query: AuditQuery,
  status: 200,
  response: AuditPage,
  problems: [],
});

export const getSystem = defineOperation({
  id: 'getSystem',
  method: 'GET',
  path: '/policy/system',
  tag: 'System',
  summary: 'What is in force here and how the server is',
  access: readers,
  status: 200,
  response: SystemStatus,
  problems: [],
});

export const healthz = defineOperation({
  id: 'healthz',
  method: 'GET',
  path: '/healthz',
  tag: 'System',
  summary: 'The process is alive',
  access: 'public',
  status: 200,
  response: Type.Object({ status: Type.Literal('ok') }),
  problems: [],
});

export const readyz = defineOperation({
  id: 'readyz',
  method: 'GET',
  path: '/readyz',
  tag: 'System',
  summary: 'Decisions can be taken and recorded',
  access: 'public',
  status: 200,
  response: Type.Object({ status: Type.Enum(['ready', 'degraded']), database: Type.Enum(['ok', 'away']) }),
  problems: ['shutting_down', 'database_unavailable'],
});
