import { defineOperation, smallBodyBytes } from '../operation.js';
import { readers, roles } from '../roles.js';
import { ApiKeyListQuery, ApiKeyPage, CreateApiKey, CreatedApiKey, Whoami } from '../schemas/access.js';
import {
  BrowserSessionListQuery,
  BrowserSessionPage,
  CreateMember,
  CreateSignInLink,
  Member,
  MemberListQuery,
  MemberPage,
  OwnSession,
  PutMember,
  SignIn,
  SignInLink,
} from '../schemas/identity.js';
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

export const signIn = defineOperation({
  id: 'signIn',
  method: 'POST',
  path: '/policy/sign-in',
  tag,
  summary: 'Begin a browser session with an API key, the admin token or a sign-in link',
  description:
    'Answers with a cookie that a script cannot read. A session the browser had before ends. Keys of the role `agent` cannot: they belong to programs.',
  access: 'public',
  body: SignIn,
  bodyLimit: 16 * 1024,
  status: 200,
  response: OwnSession,
  problems: ['unauthenticated', 'forbidden', 'rate_limited', 'database_unavailable'],
});

export const getSession = defineOperation({
  id: 'getSession',
  method: 'GET',
  path: '/policy/session',
  tag,
  summary: 'The browser session that asks, with the token its changes need',
  access: readers,
  status: 200,
  response: OwnSession,
  problems: ['not_found'],
});

export const signOut = defineOperation({
  id: 'signOut',
  method: 'DELETE',
  path: '/policy/session',
  tag,
  summary: 'End the browser session that asks',
  access: readers,
  status: 204,
  problems: ['not_found'],
});

export const listSessions = defineOperation({
  id: 'listSessions',
  method: 'GET',
  path: '/policy/sessions',
  tag,
  summary: 'Browser sessions that go on: of the workspace for an admin, else those of the person who asks',
  access: readers,
  query: BrowserSessionListQuery,
  status: 200,
  response: BrowserSessionPage,
  problems: [],
});

export const endSession = defineOperation({
  id: 'endSession',
  method: 'DELETE',
  path: '/policy/sessions/{id}',
  tag,
  summary: 'End a browser session, here at once and on every other server within a second',
  access: readers,
  params: IdParams,
  status: 204,
  problems: ['not_found'],
});

export const listMembers = defineOperation({
  id: 'listMembers',
  method: 'GET',
  path: '/policy/members',
  tag,
  summary: 'People and services of the workspace',
  access: readers,
  query: MemberListQuery,
  status: 200,
  response: MemberPage,
  problems: [],
});

export const createMember = defineOperation({
  id: 'createMember',
  method: 'POST',
  path: '/policy/members',
  tag,
  summary: 'Add a person, or one that was removed again',
  access: ['admin'],
  body: CreateMember,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: Member,
  problems: ['name_taken'],
});

export const putMember = defineOperation({
  id: 'putMember',
  method: 'PUT',
  path: '/policy/members/{id}',
  tag,
  summary: 'Change what a person may do',
  description: 'Browser sessions of the person end, to begin again in the new role.',
  access: ['admin'],
  params: IdParams,
  body: PutMember,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Member,
  problems: ['not_found', 'role_from_claims'],
});

export const removeMember = defineOperation({
  id: 'removeMember',
  method: 'DELETE',
  path: '/policy/members/{id}',
  tag,
  summary: 'Remove a person or a service; stays so, whatever the identity provider says',
  access: ['admin'],
  params: IdParams,
  status: 204,
  problems: ['not_found'],
});

export const createSignInLink = defineOperation({
  id: 'createSignInLink',
  method: 'POST',
  path: '/policy/members/{id}/sign-in-link',
  tag,
  summary: 'Make a link that signs one person in, once',
  access: ['admin'],
  params: IdParams,
  body: CreateSignInLink,
  bodyOptional: true,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: SignInLink,
  problems: ['not_found'],
});
