import { defineOperation, largeBodyBytes, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  Catalog,
  CatalogAction,
  CatalogActionParams,
  CatalogAgent,
  CatalogAgentParams,
  CatalogImport,
  ImportCatalog,
  PutCatalogAction,
  PutCatalogAgent,
} from '../schemas/catalog.js';

const tag = 'Catalog';

export const getCatalog = defineOperation({
  id: 'getCatalog',
  method: 'GET',
  path: '/policy/catalog',
  tag,
  summary: 'The agents and actions that the workspace knows',
  access: readers,
  status: 200,
  response: Catalog,
  problems: [],
});

export const putCatalogAgent = defineOperation({
  id: 'putCatalogAgent',
  method: 'PUT',
  path: '/policy/catalog/agents/{agent}',
  tag,
  summary: 'Add an agent, describe it, or only observe it',
  description:
    'What is left out stays; a new agent is enforced. Under four eyes `mode: observe` takes two: the first request is kept for a day and answered 409 `second_person_needed`, and the same asked for by another admin does it. Back to `enforce` takes one.',
  access: ['admin'],
  params: CatalogAgentParams,
  body: PutCatalogAgent,
  bodyOptional: true,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: CatalogAgent,
  problems: ['catalog_full', 'second_person_needed'],
});

export const deleteCatalogAgent = defineOperation({
  id: 'deleteCatalogAgent',
  method: 'DELETE',
  path: '/policy/catalog/agents/{agent}',
  tag,
  summary: 'Remove an agent that no action is kept for alone',
  access: ['admin'],
  params: CatalogAgentParams,
  status: 204,
  problems: ['not_found', 'agent_in_use'],
});

export const getCatalogAction = defineOperation({
  id: 'getCatalogAction',
  method: 'GET',
  path: '/policy/catalog/actions/{action}',
  tag,
  summary: 'One action with the schema of its context',
  access: readers,
  params: CatalogActionParams,
  status: 200,
  response: CatalogAction,
  problems: ['not_found'],
});

export const putCatalogAction = defineOperation({
  id: 'putCatalogAction',
  method: 'PUT',
  path: '/policy/catalog/actions/{action}',
  tag,
  summary: 'Add or change an action',
  description:
    'What is left out stays. While `enforce_context` is on, a request that violates the schema is denied from the answer on.',
  access: ['admin'],
  params: CatalogActionParams,
  body: PutCatalogAction,
  bodyOptional: true,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: CatalogAction,
  problems: ['catalog_full'],
});

export const deleteCatalogAction = defineOperation({
  id: 'deleteCatalogAction',
  method: 'DELETE',
  path: '/policy/catalog/actions/{action}',
  tag,
  summary: 'Remove an action',
  access: ['admin'],
  params: CatalogActionParams,
  status: 204,
  problems: ['not_found'],
});

export const importCatalog = defineOperation({
  id: 'importCatalog',
  method: 'POST',
  path: '/policy/catalog/import',
  tag,
  summary: 'Add the tools of an MCP server as actions of an agent',
  description:
    'Adds the agent when it is not known. A tool becomes an action whose context holds its arguments under `args`. What cannot be kept is refused with a reason, the others are kept.',
  access: ['admin'],
  body: ImportCatalog,
  bodyLimit: largeBodyBytes,
  status: 200,
  response: CatalogImport,
  problems: ['catalog_full'],
});
