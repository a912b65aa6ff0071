import { defineOperation, largeBodyBytes, smallBodyBytes } from '../operation.js';
import { readers } from '../roles.js';
import {
  Approval,
  ApprovalComment,
  ApprovalGetQuery,
  ApprovalLink,
  ApprovalListQuery,
  ApprovalLoad,
  ApprovalLoadQuery,
  ApprovalPage,
  Approve,
  CreateApproval,
  CreateApprovalLink,
  Reject,
  RevokeApprovalLinks,
  RevokedApprovalLinks,
} from '../schemas/approval.js';
import { ApproverGroup, ApproverGroups, GroupParams, PutApproverGroup } from '../schemas/approver-group.js';
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
  problems: ['not_found', 'approval_not_pending', 'approval_expired', 'self_approval', 'already_voted', 'forbidden'],
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
  problems: ['not_found', 'approval_not_pending', 'approval_expired', 'already_voted', 'forbidden'],
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

export const commentApproval = defineOperation({
  id: 'commentApproval',
  method: 'POST',
  path: '/policy/approvals/{id}/comments',
  tag,
  summary: 'Say something about it, without a vote',
  description: 'At any time, also after it was decided. Wakes nobody who waits for the decision.',
  access: ['author', 'approver', 'operator', 'admin'],
  params: IdParams,
  body: ApprovalComment,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: Approval,
  problems: ['not_found', 'approval_comments_full'],
});

export const createApprovalLink = defineOperation({
  id: 'createApprovalLink',
  method: 'POST',
  path: '/policy/approvals/{id}/links',
  tag,
  summary: 'Make a link with which one named person decides, once',
  description:
    'An approver makes one for themselves; an admin for anybody but, under four eyes, the requester, and not when they asked for it themselves. Opening the link only shows the request. It ends with its use, with the decision, with its time, with the key it was made with, and when another is made for the same person. Hand it to that person alone.',
  access: ['approver', 'admin'],
  params: IdParams,
  body: CreateApprovalLink,
  bodyLimit: smallBodyBytes,
  status: 201,
  response: ApprovalLink,
  problems: [
    'not_found',
    'approval_not_pending',
    'approval_expired',
    'self_approval',
    'already_voted',
    'approval_links_full',
    'forbidden',
  ],
});

export const revokeApprovalLinks = defineOperation({
  id: 'revokeApprovalLinks',
  method: 'POST',
  path: '/policy/approvals/{id}/links/revoke',
  tag,
  summary: 'End the links that can still be used',
  description: 'An approver ends their own, an admin all, or those of one person.',
  access: ['approver', 'admin'],
  params: IdParams,
  body: RevokeApprovalLinks,
  bodyOptional: true,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: RevokedApprovalLinks,
  problems: ['not_found', 'forbidden'],
});

export const listApproverGroups = defineOperation({
  id: 'listApproverGroups',
  method: 'GET',
  path: '/policy/approver-groups',
  tag,
  summary: 'Groups of approvers, by name',
  access: readers,
  status: 200,
  response: ApproverGroups,
  problems: [],
});

export const getApproverGroup = defineOperation({
  id: 'getApproverGroup',
  method: 'GET',
  path: '/policy/approver-groups/{name}',
  tag,
  summary: 'One group of approvers',
  access: readers,
  params: GroupParams,
  status: 200,
  response: ApproverGroup,
  problems: ['not_found'],
});

export const putApproverGroup = defineOperation({
  id: 'putApproverGroup',
  method: 'PUT',
  path: '/policy/approver-groups/{name}',
  tag,
  summary: 'Create or change a group of approvers',
  description:
    'Who belongs to it counts at once, also for what is pending. Which approvals it is asked for, and its times, count for those that are asked for from now on.',
  access: ['admin'],
  params: GroupParams,
  body: PutApproverGroup,
  bodyLimit: smallBodyBytes,
  status: 200,
  response: ApproverGroup,
  problems: ['approver_groups_full'],
});

export const deleteApproverGroup = defineOperation({
  id: 'deleteApproverGroup',
  method: 'DELETE',
  path: '/policy/approver-groups/{name}',
  tag,
  summary: 'Ask a group no more',
  description: 'Not while it is asked for something that is pending, or another group escalates to it.',
  access: ['admin'],
  params: GroupParams,
  status: 204,
  problems: ['not_found', 'approver_group_in_use'],
});
