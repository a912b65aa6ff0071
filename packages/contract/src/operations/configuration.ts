import Type from 'typebox';
import { defineOperation, largeBodyBytes, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import { PutSettings, Settings } from '../schemas/approval.js';
import { ListParams, ListVersionPage, NamedListDocument, NamedListPage, PutList } from '../schemas/bundle.js';
import { pageQuery } from '../schemas/common.js';

export const listLists = defineOperation({
  id: 'listLists',
  method: 'GET',
  path: '/policy/lists',
  tag: 'Lists',
  summary: 'Named lists, by name',
  access: readers,
  query: Type.Object(pageQuery),
  status: 200,
  response: NamedListPage,
  problems: [],
});

export const getList = defineOperation({
  id: 'getList',
  method: 'GET',
  path: '/policy/lists/{name}',
  tag: 'Lists',
  summary: 'One named list with its values',
  access: readers,
  params: ListParams,
  status: 200,
  response: NamedListDocument,
  problems: ['not_found'],
});

export const listListVersions = defineOperation({
  id: 'listListVersions',
  method: 'GET',
  path: '/policy/lists/{name}/versions',
  tag: 'Lists',
  summary: 'The history of a named list, newest first',
  access: readers,
  params: ListParams,
  query: Type.Object(pageQuery),
  status: 200,
  response: ListVersionPage,
  problems: ['not_found'],
});

export const putList = defineOperation({
  id: 'putList',
  method: 'PUT',
  path: '/policy/lists/{name}',
  tag: 'Lists',
  summary: 'Create or change a named list',
  description:
    'A list that a bundle in force reads needs an approval of kind `list` when four eyes is on, unless it was created `live`.',
  access: ['operator', 'admin'],
  params: ListParams,
  body: PutList,
  bodyLimit: largeBodyBytes,
  status: 200,
  response: NamedListDocument,
  problems: [
    'not_found',
    'bundle_invalid',
    'approval_required',
    'approval_mismatch',
    'approval_not_approved',
    'approval_expired',
    'approval_used',
  ],
});

export const deleteList = defineOperation({
  id: 'deleteList',
  method: 'DELETE',
  path: '/policy/lists/{name}',
  tag: 'Lists',
  summary: 'Delete a named list that no bundle in force reads',
  access: ['operator', 'admin'],
  params: ListParams,
  status: 204,
  problems: ['not_found', 'list_in_use'],
});

export const getSettings = defineOperation({
  id: 'getSettings',
  method: 'GET',
  path: '/policy/settings',
  tag: 'Settings',
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
  tag: 'Settings',
  summary: 'Change settings; what is left out stays',
  access: ['admin'],
  body: PutSettings,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Settings,
  problems: ['approval_required', 'approval_mismatch', 'approval_not_approved', 'approval_expired', 'approval_used'],
});
