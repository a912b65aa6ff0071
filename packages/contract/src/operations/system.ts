import Type from 'typebox';
import { defineOperation } from '../operation.js';
import { readers } from '../roles.js';
import { System } from '../schemas/system.js';

const tag = 'System';

export const getSystem = defineOperation({
  id: 'getSystem',
  method: 'GET',
  path: '/policy/system',
  tag,
  summary: 'What is in force, on which servers, and how this one is',
  access: readers,
  status: 200,
  response: System,
  problems: [],
});

export const healthz = defineOperation({
  id: 'healthz',
  method: 'GET',
  path: '/healthz',
  tag,
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
  tag,
  summary: 'Decisions can be taken and recorded',
  access: 'public',
  status: 200,
  response: Type.Object({ status: Type.Enum(['ready', 'degraded']), database: Type.Enum(['ok', 'away']) }),
  problems: ['shutting_down', 'database_unavailable'],
});
