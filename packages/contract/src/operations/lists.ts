import Type from 'typebox';
import { defineOperation, largeBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import { ListParams, ListVersionPage, NamedListDocument, NamedListPage, PutList } from '../schemas/list.js';
import { pageQuery } from '../schemas/vocabulary.js';

const tag = 'Lists';

export const listLists = defineOperation({
  id: 'listLists',
  method: 'GET',
  path: '/policy/lists',
  tag,
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
  tag,
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
  tag,
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
  tag,
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
    'too_much_work',
    'overloaded',
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
  tag,
  summary: 'Delete a named list that no bundle in force reads',
  access: ['operator', 'admin'],
  params: ListParams,
  status: 204,
  problems: ['not_found', 'list_in_use'],
});
