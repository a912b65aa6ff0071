import Type, { type Static } from 'typebox';

/**
 * Every code a problem can carry, with its HTTP status and its title. The one table: the server maps refusals through it,
 * OpenAPI lists it, clients switch on it.
 */
export const problemCodes = {
  bad_request: { status: 400, title: 'The request cannot be read' },
  signature_invalid: { status: 400, title: 'The signature does not fit' },
  signing_key_unknown: { status: 400, title: 'It is signed with a key that is not trusted here' },
  export_expired: { status: 400, title: 'The export is not good at this time' },
  digest_mismatch: { status: 400, title: 'The digest is not that of the rules' },
  unauthenticated: { status: 401, title: 'A valid credential is needed' },
  forbidden: { status: 403, title: 'This key may not do that' },
  csrf: { status: 403, title: 'A browser may not do that from another page' },
  agent_not_permitted: { status: 403, title: 'This key may not speak for that agent' },
  not_found: { status: 404, title: 'There is no such thing here' },
  method_not_allowed: { status: 405, title: 'This path does not offer that method' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  not_a_draft: { status: 409, title: 'Only a draft can be changed' },
  version_taken: { status: 409, title: 'This version exists already' },
  name_taken: { status: 409, title: 'This name exists already' },
  role_from_claims: { status: 409, title: 'The identity provider says which role this is' },
  agent_in_use: { status: 409, title: 'Actions of the catalog are kept for this agent' },
  catalog_full: { status: 409, title: 'The catalog holds as much as it may' },
  key_trusted: { status: 409, title: 'This key is trusted already' },
  trusted_keys_full: { status: 409, title: 'The workspace trusts as many keys as it may' },
  channels_full: { status: 409, title: 'The workspace has as many channels as it may' },
  list_in_use: { status: 409, title: 'A bundle in force uses this list' },
  evidence_needed: { status: 409, title: 'There is no sufficient evidence for the bundle' },
  empty_bundle: { status: 409, title: 'A bundle without rules cannot be activated' },
  bundle_invalid: { status: 409, title: 'The bundle has errors' },
  bundle_archived: { status: 409, title: 'The bundle is archived' },
  bundle_in_force: { status: 409, title: 'The bundle is in force' },
  approval_required: { status: 409, title: 'This change needs an approval' },
  approval_not_pending: { status: 409, title: 'The approval is decided already' },
  approval_not_approved: { status: 409, title: 'The approval is not approved' },
  approval_expired: { status: 409, title: 'The approval has expired' },
  approval_used: { status: 409, title: 'The approval has been used' },
  approval_mismatch: { status: 409, title: 'The approval covers something else' },
  self_approval: { status: 409, title: 'Four eyes: another person must approve' },
  approval_comments_full: { status: 409, title: 'The approval has as many comments as it may' },
  approval_links_full: { status: 409, title: 'The approval has as many links as it may' },
  approver_group_in_use: { status: 409, title: 'The group of approvers is needed' },
  approver_groups_full: { status: 409, title: 'The workspace has as many groups of approvers as it may' },
  already_voted: { status: 409, title: 'This person has voted already' },
  incident_status: { status: 409, title: 'The incident is not in a status for that' },
  outcome_reported: { status: 409, title: 'An outcome has been reported already' },
  outcome_too_late: { status: 409, title: 'Outcomes are taken for 24 hours' },
  job_not_done: { status: 409, title: 'The job has no result' },
  job_ended: { status: 409, title: 'The job has ended already' },
  not_replayable: { status: 409, title: 'The record lacks what a replay needs' },
  request_id_reused: { status: 409, title: 'This request_id was used for another request' },
  request_id_superseded: { status: 409, title: 'The policy changed since this request_id was answered' },
  bundle_not_proven: { status: 409, title: 'The bundle has not decided everything before' },
  bundle_not_in_force: { status: 409, title: 'The bundle is not in force' },
  idempotency_key_reused: { status: 409, title: 'This Idempotency-Key was used for another command' },
  rollout_running: { status: 409, title: 'The rollout has begun already' },
  rollout_not_running: { status: 409, title: 'The rollout has not begun' },
  rollout_over: { status: 409, title: 'The rollout is over' },
  rollout_held: { status: 409, title: 'The rollout is held' },
  gates_not_passed: { status: 409, title: 'The gates of this step do not pass' },
  dwell_not_over: { status: 409, title: 'The step needs more healthy time' },
  step_skipped: { status: 409, title: 'A promotion goes one step at a time' },
  step_passed: { status: 409, title: 'The share is there already' },
  sign_off_needed: { status: 409, title: 'Newly allowed actions of high risk need a person' },
  sign_off_not_needed: { status: 409, title: 'There is nothing to sign off' },
  freeze_windows_full: { status: 409, title: 'The workspace has as many freeze windows as it may' },
  second_person_needed: { status: 409, title: 'A second person must ask for the same' },
  workspace_archived: { status: 409, title: 'The workspace is archived' },
  workspace_status: { status: 409, title: 'The workspace is not in a status for that' },
  frozen: { status: 409, title: 'A freeze is on' },
  conflict: { status: 409, title: 'Somebody else was faster' },
  stale: { status: 412, title: 'The resource changed since it was read' },
  too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  validation_failed: { status: 422, title: 'The request is not valid' },
  bundle_rejected: { status: 422, title: 'The bundle is not valid' },
  too_much_work: { status: 422, title: 'More work than one request may cause' },
  quota_exceeded: { status: 422, title: 'The workspace has as much as it may' },
  storage_full: { status: 429, title: 'The workspace keeps as many decisions as it may' },
  too_many_jobs: { status: 429, title: 'Too many jobs are waiting' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'Something broke on our side' },
  not_implemented: { status: 501, title: 'Not offered yet' },
  database_unavailable: { status: 503, title: 'The database cannot be reached' },
  identity_provider_unavailable: { status: 503, title: 'The identity provider cannot be reached' },
  overloaded: { status: 503, title: 'Too much is waiting already' },
  shutting_down: { status: 503, title: 'The server is stopping' },
} as const satisfies Record<string, { status: number; title: string }>;
export type ProblemCode = keyof typeof problemCodes;

export const ProblemItem = Type.Object({
  code: Type.Optional(Type.String()),
  path: Type.String({ description: 'JSON Pointer into the body, or the name of a parameter.' }),
  message: Type.String(),
});
export type ProblemItem = Static<typeof ProblemItem>;

/** An error answer, `application/problem+json` (RFC 9457). */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'A reference that identifies the kind of problem.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'One sentence: what is wrong and what to do.' }),
    code: Type.Enum(Object.keys(problemCodes) as [ProblemCode, ...ProblemCode[]]),
    errors: Type.Array(ProblemItem, { description: 'Each place that is wrong; empty when the whole request is.' }),
    request_id: Type.Optional(Type.String({ description: 'Names this answer in the server log.' })),
  },
  { $id: 'Problem', additionalProperties: true },
);
export type Problem = Static<typeof Problem>;

/** The JSON Pointer (RFC 6901) to a place, as `ProblemItem` names it; empty for the whole. */
export function jsonPointer(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The problem of `code`. `extra` members (an existing bundle's id, say) are carried beside the standard ones. */
export function problem(
  code: ProblemCode,
  detail: string,
  errors: readonly ProblemItem[] = [],
  extra: Readonly<Record<string, unknown>> = {},
): Problem {
  const { status, title } = problemCodes[code];
  return { type: `/docs/problems#${code}`, title, status, detail, code, errors: [...errors], ...extra };
}
