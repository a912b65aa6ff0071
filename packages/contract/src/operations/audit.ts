import { defineOperation } from '../operation.js';
import { readers } from '../roles.js';
import { AuditCheckpoint, AuditPage, AuditQuery } from '../schemas/audit.js';

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

export const getAuditCheckpoint = defineOperation({
  id: 'getAuditCheckpoint',
  method: 'GET',
  path: '/policy/audit/checkpoint',
  tag: 'Audit',
  summary: 'The end of the audit trail now, signed',
  description:
    'Keep it where nobody who can write to the database can change it: `policy-studio audit verify --checkpoint FILE` then shows whether the trail was cut or rewritten since. 404 while nothing has changed in the workspace.',
  access: readers,
  status: 200,
  response: AuditCheckpoint,
  problems: ['not_found'],
});
