import { defineOperation, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  ArchiveWorkspace,
  AskDeletion,
  CreateWorkspace,
  DeletedWorkspacePage,
  PutQuotas,
  Workspace,
  WorkspaceDetail,
  WorkspaceExport,
  WorkspaceExportQuery,
  WorkspacePage,
  WorkspacePageQuery,
  WorkspaceParams,
} from '../schemas/workspace.js';

const tag = 'Workspaces';

export const listWorkspaces = defineOperation({
  id: 'listWorkspaces',
  method: 'GET',
  path: '/policy/workspaces',
  tag,
  summary: 'The workspaces, by name',
  description: 'For ADMIN_TOKEN all of them, for everybody else the one of their key.',
  access: readers,
  query: WorkspacePageQuery,
  status: 200,
  response: WorkspacePage,
  problems: [],
});

export const createWorkspace = defineOperation({
  id: 'createWorkspace',
  method: 'POST',
  path: '/policy/workspaces',
  tag,
  summary: 'Make a workspace',
  description: 'It is empty. Then choose it with `X-Workspace` and make its first key with `POST /policy/api-keys`.',
  access: 'instance',
  body: CreateWorkspace,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: Workspace,
  problems: ['name_taken'],
});

export const getWorkspace = defineOperation({
  id: 'getWorkspace',
  method: 'GET',
  path: '/policy/workspaces/{name}',
  tag,
  summary: 'A workspace, its quotas and what of them is used',
  access: readers,
  params: WorkspaceParams,
  status: 200,
  response: WorkspaceDetail,
  problems: ['not_found'],
});

export const putQuotas = defineOperation({
  id: 'putQuotas',
  method: 'PUT',
  path: '/policy/workspaces/{name}/quotas',
  tag,
  summary: 'Set quotas of a workspace',
  description: 'What is left out stays. What is there already stays too, however much it is.',
  access: 'instance',
  params: WorkspaceParams,
  body: PutQuotas,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Workspace,
  problems: ['not_found'],
});

export const archiveWorkspace = defineOperation({
  id: 'archiveWorkspace',
  method: 'POST',
  path: '/policy/workspaces/{name}/archive',
  tag,
  summary: 'Make a workspace read-only',
  description:
    'Its keys still read. Whatever else they ask for, decisions included, is refused with `workspace_archived`, so agents may do nothing more. What runs by itself goes on.',
  access: 'instance',
  params: WorkspaceParams,
  body: ArchiveWorkspace,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Workspace,
  problems: ['not_found', 'workspace_status'],
});

export const restoreWorkspace = defineOperation({
  id: 'restoreWorkspace',
  method: 'POST',
  path: '/policy/workspaces/{name}/restore',
  tag,
  summary: 'End the archiving of a workspace',
  access: 'instance',
  params: WorkspaceParams,
  status: 200,
  response: Workspace,
  problems: ['not_found', 'workspace_status'],
});

export const askDeletion = defineOperation({
  id: 'askDeletion',
  method: 'POST',
  path: '/policy/workspaces/{name}/deletion',
  tag,
  summary: 'Have a workspace deleted after a grace period',
  description:
    'It is archived at once. When the days are over nobody gets in any more, everything in it is deleted in steps, and a signed stub stays.',
  access: 'instance',
  params: WorkspaceParams,
  body: AskDeletion,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Workspace,
  problems: ['not_found', 'workspace_status'],
});

export const withdrawDeletion = defineOperation({
  id: 'withdrawDeletion',
  method: 'DELETE',
  path: '/policy/workspaces/{name}/deletion',
  tag,
  summary: 'Withdraw the deletion of a workspace',
  description: 'It stays archived.',
  access: 'instance',
  params: WorkspaceParams,
  status: 200,
  response: Workspace,
  problems: ['not_found', 'workspace_status'],
});

export const exportWorkspace = defineOperation({
  id: 'exportWorkspace',
  method: 'GET',
  path: '/policy/workspaces/{name}/export',
  tag,
  summary: 'All data of a workspace, page by page',
  description:
    'Every row of every table, without secrets (hashes of keys, addresses of channels, sessions, links). Tables come in a fixed order, rows by their keys; what changes meanwhile may be missing or there in its new form, so archive first where that matters.',
  access: ['admin'],
  params: WorkspaceParams,
  query: WorkspaceExportQuery,
  status: 200,
  response: WorkspaceExport,
  problems: ['not_found'],
});

export const listDeletedWorkspaces = defineOperation({
  id: 'listDeletedWorkspaces',
  method: 'GET',
  path: '/policy/deleted-workspaces',
  tag,
  summary: 'What stays of workspaces that were deleted, the latest first',
  access: 'instance',
  query: WorkspacePageQuery,
  status: 200,
  response: DeletedWorkspacePage,
  problems: [],
});

export const endDemo = defineOperation({
  id: 'endDemo',
  method: 'DELETE',
  path: '/policy/demo',
  tag,
  summary: 'Start clean: delete the demo workspace now',
  description:
    'Nobody changes it any more from this moment, and it is gone within a minute. No other workspace is touched.',
  access: 'instance',
  status: 204,
  problems: ['not_found'],
});
