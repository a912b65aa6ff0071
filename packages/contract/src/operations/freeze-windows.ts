import { defineOperation, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import { CreateFreezeWindow, FreezeWindow, FreezeWindowPage, PutFreezeWindow } from '../schemas/freeze-window.js';
import { IdParams } from '../schemas/vocabulary.js';

const tag = 'Freezes';

export const listFreezeWindows = defineOperation({
  id: 'listFreezeWindows',
  method: 'GET',
  path: '/policy/freeze-windows',
  tag,
  summary: 'When nothing is activated or promoted, and whether that is now',
  access: readers,
  status: 200,
  response: FreezeWindowPage,
  problems: [],
});

export const createFreezeWindow = defineOperation({
  id: 'createFreezeWindow',
  method: 'POST',
  path: '/policy/freeze-windows',
  tag,
  summary: 'Add a freeze window',
  description: 'While it is on, activations and promotions are refused and rollouts wait. Rollbacks never do.',
  access: ['admin'],
  body: CreateFreezeWindow,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: FreezeWindow,
  problems: ['freeze_windows_full'],
});

export const getFreezeWindow = defineOperation({
  id: 'getFreezeWindow',
  method: 'GET',
  path: '/policy/freeze-windows/{id}',
  tag,
  summary: 'One freeze window',
  access: readers,
  params: IdParams,
  status: 200,
  response: FreezeWindow,
  problems: ['not_found'],
});

export const putFreezeWindow = defineOperation({
  id: 'putFreezeWindow',
  method: 'PUT',
  path: '/policy/freeze-windows/{id}',
  tag,
  summary: 'Change a freeze window',
  description: 'What is left out stays.',
  access: ['admin'],
  params: IdParams,
  body: PutFreezeWindow,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: FreezeWindow,
  problems: ['not_found'],
});

export const deleteFreezeWindow = defineOperation({
  id: 'deleteFreezeWindow',
  method: 'DELETE',
  path: '/policy/freeze-windows/{id}',
  tag,
  summary: 'Remove a freeze window',
  access: ['admin'],
  params: IdParams,
  status: 204,
  problems: ['not_found'],
});
