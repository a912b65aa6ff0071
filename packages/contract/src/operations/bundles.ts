import Type from 'typebox';
import { defineOperation, largeBodyBytes, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  Activate,
  Bundle,
  BundleListQuery,
  BundlePage,
  CreateBundle,
  Snapshot,
  UpdateBundle,
  Version,
} from '../schemas/bundle.js';
import { BundleDiff, DiffParams, DiffQuery } from '../schemas/diff.js';
import { IdParams } from '../schemas/vocabulary.js';

const tag = 'Bundles';
const ifMatchHeader = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'The ETag the change is based on, or `*`.' })),
});

export const listBundles = defineOperation({
  id: 'listBundles',
  method: 'GET',
  path: '/policy/bundles',
  tag,
  summary: 'Bundles, newest first',
  description: 'Whole bundles; a page ends early where it would weigh more than 16 MiB, and its `limit` says so.',
  access: readers,
  query: BundleListQuery,
  status: 200,
  response: BundlePage,
  problems: [],
});

export const getActiveBundle = defineOperation({
  id: 'getActiveBundle',
  method: 'GET',
  path: '/policy/bundles/active',
  tag,
  summary: 'The bundle that was activated last',
  access: readers,
  status: 200,
  response: Bundle,
  problems: ['not_found'],
});

export const getBundle = defineOperation({
  id: 'getBundle',
  method: 'GET',
  path: '/policy/bundles/{id}',
  tag,
  summary: 'One bundle, with its ETag',
  access: readers,
  params: IdParams,
  status: 200,
  response: Bundle,
  problems: ['not_found'],
});

export const getBundleByVersion = defineOperation({
  id: 'getBundleByVersion',
  method: 'GET',
  path: '/policy/bundles/version/{version}',
  tag,
  summary: 'One bundle, by version',
  access: readers,
  params: Type.Object({ version: Version }),
  status: 200,
  response: Bundle,
  problems: ['not_found'],
});

export const createBundle = defineOperation({
  id: 'createBundle',
  method: 'POST',
  path: '/policy/bundles',
  tag,
  summary: 'Create a draft',
  description: 'Refused (422) for structure and duplicate ids; everything else is stored with its findings.',
  access: ['author', 'admin'],
  body: CreateBundle,
  bodyLimit: largeBodyBytes,
  status: 201,
  response: Bundle,
  problems: ['bundle_rejected', 'version_taken', 'too_much_work', 'overloaded'],
});

export const updateBundle = defineOperation({
  id: 'updateBundle',
  method: 'PUT',
  path: '/policy/bundles/{id}',
  tag,
  summary: 'Change a draft',
  description: 'What is left out stays. With `If-Match` a lost update is 412.',
  access: ['author', 'admin'],
  params: IdParams,
  body: UpdateBundle,
  bodyLimit: largeBodyBytes,
  headers: ifMatchHeader,
  status: 200,
  response: Bundle,
  problems: ['not_found', 'not_a_draft', 'stale', 'bundle_rejected', 'too_much_work', 'overloaded'],
});

export const deleteBundle = defineOperation({
  id: 'deleteBundle',
  method: 'DELETE',
  path: '/policy/bundles/{id}',
  tag,
  summary: 'Delete a draft',
  access: ['author', 'admin'],
  params: IdParams,
  headers: ifMatchHeader,
  status: 204,
  problems: ['not_found', 'not_a_draft', 'stale'],
});

export const archiveBundle = defineOperation({
  id: 'archiveBundle',
  method: 'POST',
  path: '/policy/bundles/{id}/archive',
  tag,
  summary: 'Put a bundle away that is not in force',
  access: ['author', 'operator', 'admin'],
  params: IdParams,
  status: 200,
  response: Bundle,
  problems: ['not_found', 'bundle_in_force'],
});

export const activateBundle = defineOperation({
  id: 'activateBundle',
  method: 'POST',
  path: '/policy/bundles/{id}/activate',
  tag,
  summary: 'Bring an approved bundle into force',
  description:
    'For a share of traffic (`canary_pct`), which then grows by itself while the gates pass; 0 only watches, 100 supersedes the bundle before at once. In force on this server before the answer, on every replica within a second.',
  access: ['operator', 'admin'],
  params: IdParams,
  body: Activate,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Bundle,
  problems: [
    'not_found',
    'empty_bundle',
    'evidence_needed',
    'bundle_invalid',
    'bundle_archived',
    'bundle_in_force',
    'rollout_running',
    'sign_off_needed',
    'frozen',
    'conflict',
    'approval_not_approved',
    'approval_expired',
    'approval_used',
    'approval_mismatch',
    'too_much_work',
    'overloaded',
    'database_unavailable',
  ],
});

export const diffBundles = defineOperation({
  id: 'diffBundles',
  method: 'GET',
  path: '/policy/bundles/{id}/diff/{compare_id}',
  tag,
  summary: 'What changes from one bundle to another',
  description:
    'As written and as decided: every kind of request whose decision changes, with a witness that shows it, and how many recorded requests are of it; or the proof that nothing changes. By the lists, catalog and settings of now.',
  access: readers,
  params: DiffParams,
  query: DiffQuery,
  status: 200,
  response: BundleDiff,
  problems: ['not_found', 'too_much_work', 'overloaded'],
});

export const getSnapshot = defineOperation({
  id: 'getSnapshot',
  method: 'GET',
  path: '/policy/snapshot',
  tag,
  summary: 'What is in force, to decide in process',
  description: 'Answers 304 to an `If-None-Match` that still holds.',
  access: ['viewer', 'agent', 'author', 'approver', 'operator', 'admin'],
  headers: Type.Object({ 'if-none-match': Type.Optional(Type.String()) }),
  status: 200,
  response: Snapshot,
  problems: [],
});
