import { defineOperation, largeBodyBytes, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  Approval,
  ApprovalGetQuery,
  ApprovalListQuery,
  ApprovalLoad,
  ApprovalLoadQuery,
  ApprovalPage,
  Approve,
  CreateApproval,
  Reject,
} from '../schemas/approval.js';
import { IdParams } from '../schemas/vocabulary.js';

const tag = 'Approvals';

export const createApproval = defineOperation({
  id: 'createApproval',
  method: 'POST',
  path: '/policy/approvals',
  tag,
  summary: 'Ask people to approve a change',
  access: ['author', 'operator', 'admin'],
  body: CreateApproval,
  bodyLimit: largeBodyBytes,
  status: 201,
  response: Approval,
  problems: ['not_found', 'empty_bundle', 'bundle_invalid', 'bundle_archived', 'too_much_work', 'overloaded'],
});

export const listApprovals = defineOperation({
  id: 'listApprovals',
  method: 'GET',
  path: '/policy/approvals',
  tag,
  summary: 'Approvals, newest first',
  description: 'The role `agent` sees those its own key asked for.',
  access: [...readers, 'agent'],
  query: ApprovalListQuery,
  status: 200,
  response: ApprovalPage,
  problems: [],
});

export const getApproval = defineOperation({
  id: 'getApproval',
  method: 'GET',
  path: '/policy/approvals/{id}',
  tag,
  summary: 'One approval; `wait` holds the answer until it is decided',
  description:
    'At most 1,000 requests wait on one server; one more is answered at once, with the approval as it is. The role `agent` sees those its own key asked for.',
  access: [...readers, 'agent'],
  params: IdParams,
  query: ApprovalGetQuery,
  status: 200,
  response: Approval,
  problems: ['not_found'],
});

export const getApprovalLoad = defineOperation({
  id: 'getApprovalLoad',
  method: 'GET',
  path: '/policy/approvals/load',
  tag,
  summary: 'How many approvals people are asked for, of whom, and how long they wait',
  access: readers,
  query: ApprovalLoadQuery,
  status: 200,
  response: ApprovalLoad,
  problems: [],
});

export const approve = defineOperation({
  id: 'approve',
  method: 'POST',
  path: '/policy/approvals/{id}/approve',
  tag,
  summary: 'Approve',
  access: ['approver', 'admin'],
  params: IdParams,
  body: Approve,
  bodyOptional: true,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Approval,
  problems: ['not_found', 'approval_not_pending', 'approval_expired', 'self_approval', 'already_voted'],
});

export const reject = defineOperation({
  id: 'reject',
  method: 'POST',
  path: '/policy/approvals/{id}/reject',
  tag,
  summary: 'Reject, with a comment',
  access: ['approver', 'admin'],
  params: IdParams,
  body: Reject,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Approval,
  problems: ['not_found', 'approval_not_pending', 'approval_expired', 'already_voted'],
});

export const cancelApproval = defineOperation({
  id: 'cancelApproval',
  method: 'POST',
  path: '/policy/approvals/{id}/cancel',
  tag,
  summary: 'Withdraw a request (the requester, or an admin)',
  description: 'What is approved but not yet used can be withdrawn too.',
  access: ['author', 'operator', 'admin'],
  params: IdParams,
  status: 200,
  response: Approval,
  problems: ['not_found', 'approval_not_pending', 'approval_expired', 'forbidden'],
});
