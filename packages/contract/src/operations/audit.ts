import { defineOperation } from '../operation.js';
import { readers } from '../roles.js';
import { AuditPage, AuditQuery } from '../schemas/audit.js';

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
