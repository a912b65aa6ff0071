import { createHash } from 'node:crypto';
import type { Decision, EvaluateRequest, Risk } from '@policy-studio/contract';
import {
  bundlePinned,
  canonicalJson,
  contextFault,
  type PolicyDecision,
  pinAt,
  unknownTo,
  withoutFacts,
} from '@policy-studio/engine';
import type { Caller } from '../../caller.js';
import { bootstrapKeyId, mayActAs } from '../access/queries.js';
import { higherRisk } from '../approvals/transaction.js';
import type { Enforced } from '../enforcement/queries.js';
import { type ArmCounts, type EvidenceArm, type Judgement, judge, type Shadow } from './arms.js';
import { type CapRefusal, type RowCaps, reserves, rowCaps } from './caps.js';
import { timeOfId } from './decision-id.js';
import { type ApprovalSay, approved, enforced } from './overlays.js';
import { kept } from './redaction.js';

export type Source = 'api' | 'batch' | 'sdk' | 'spool';

/** A request that may be decided: valid, within the caller's agents, with the text of its context without facts. */
export interface Question {
  readonly request: EvaluateRequest;
  readonly context: Readonly<Record<string, unknown>>;
  readonly contextText: string;
  readonly discardedFacts: readonly string[];
}

/** The circumstances of a decision that are not the policy's. */
export interface Circumstances {
  /** Older than `max_stale_minutes`: everything is denied. */
  readonly stale: boolean;
  /** What needs the database to be safe is denied. */
  readonly databaseAway: boolean;
  /** What came of asking people, where the policy wants that. */
  readonly approval?: ApprovalSay;
}

/** One row on its way into the log: the type `decision_input` of the database, by name. */
export interface RecordRow {
  position: number;
  readonly id: string;
  readonly generation: number;
  readonly bundle_id: number | null;
  readonly arm: Decision['arm'];
  readonly agent: string;
  readonly action: string;
  readonly session: string | null;
  readonly key_id: number;
  readonly owner: string;
  readonly request_id: string | null;
  readonly digest: string | null;
  readonly effect: Decision['effect'];
  readonly policy_effect: Decision['effect'];
  readonly rule_id: string | null;
  readonly failed: boolean;
  readonly mismatched: boolean;
  readonly source: Source;
  readonly cost: number | null;
  readonly day: string;
  readonly minute: string;
  readonly context: string;
  readonly detail: string;
  /** What it must fit under, or is denied; absent: nothing. */
  readonly caps?: RowCaps;
  /** Absent: no rollout runs, or it is not to count. */
  readonly evidence?: Evidence;
}

/** What a decision counts for in a rollout, as `record_decisions` reads it. */
export interface Evidence {
  readonly rollout_id: number;
  readonly step: number;
  readonly principal: string;
  readonly arms: readonly ArmCounts[];
}

/** What the record keeps of an answer beside its columns. */
export interface RecordDetail {
  readonly bundle: { readonly version: string; readonly digest: string } | null;
  readonly default_effect: Decision['effect'];
  readonly lists: Readonly<Record<string, number>>;
  readonly reason: string;
  readonly default: boolean;
  readonly budget: Decision['budget'];
  readonly errors: Decision['errors'];
  readonly facts: Decision['facts_used'];
  readonly overlays: Decision['overlays'];
  /** What it waits for; absent: nothing. */
  readonly approval?: NonNullable<Decision['approval']>;
  /** The cap that denied it in the end, which the rest does not tell of: see `exhausted`. Absent: none did. */
  readonly cap?: CapRefusal;
  /** What the session's caps count it for, where that is not the session. */
  readonly account?: string;
  /** Fields whose values are not kept; absent: none. */
  readonly redacted?: readonly string[];
  /** Absent: none ran. */
  readonly rollout?: {
    readonly id: number;
    readonly step: number;
    readonly shadow: Shadow | null;
    /** Where its outcome counts; absent: nowhere. The principal is left out where it is the session. */
    readonly counted?: { readonly arm: EvidenceArm; readonly principal?: string; readonly ceiling?: number };
  };
}

/** A decision that is made and not yet recorded. */
export interface Draft {
  /** The risk of the action, and how many people the rule wants (null: it does not say). */
  readonly gravity: { readonly risk: Risk; readonly minApprovers: number | null };
  /** The fields that the record does not keep. */
  readonly redacted: readonly string[];
  readonly decision: Decision;
  readonly row: RecordRow;
}

/** A question with its draft, on the way to an answer. */
export interface Pending {
  readonly question: Question;
  readonly facts: Facts;
  readonly draft: Draft;
}

export type Facts = Readonly<Record<string, unknown>>;

/** The question a valid request asks: the caller's values for facts are set aside. */
export function questionOf(request: EvaluateRequest, contextText: string): Question {
  const { context, discarded } = withoutFacts(request.context);
  return {
    request,
    context,
    contextText: discarded.length === 0 ? contextText : JSON.stringify(context),
    discardedFacts: discarded,
  };
}

/** Decides one question and drafts its record. `facts` are those that the candidates read and that are known. */
export function draft(
  question: Question,
  caller: Caller,
  inForce: Enforced,
  facts: Facts,
  circumstances: Circumstances,
  made: { readonly id: string; readonly nowMs: number; readonly source: Source },
): Draft {
  const { request } = question;
  const { agent, action } = request;
  const keyId = caller.keyId ?? bootstrapKeyId;
  const session = caller.ignoresSession ? null : (request.session ?? null);
  const asked = { agent, action, context: withFacts(question.context, facts) };
  const judged = judge(inForce, asked, { session, keyId });
  const { policy } = judged;
  const sensitive = inForce.sensitive.get(action);
  const fault =
    inForce.enforceContext || sensitive ? contextFault(inForce.known, { action, context: question.context }) : null;
  const pin = pinAt(inForce.pin, made.nowMs);
  const observed = inForce.observed.length > 0 && mayActAs({ agents: inForce.observed }, agent);
  const price = priceOf(policy, question, inForce);
  const caps = rowCaps(
    inForce,
    { agent, keyId, session },
    // What is answered without regard to the policy is counted, and no cap refuses it.
    { price, exempt: pin !== null || observed, nowMs: made.nowMs },
  );
  const say = {
    fault: inForce.enforceContext ? fault : null,
    pin,
    observed,
    reserves: reserves(caps),
    ...circumstances,
  };
  const answer = enforced(
    plainAnswer(question, inForce, facts, judged, made.id),
    say,
    inForce,
    request.request_id !== undefined,
  );
  const decision = circumstances.approval ? approved(answer, circumstances.approval) : answer;
  const cost = decision.effect === 'allow' && price > 0 ? price : null;
  const timeMs = timeOfId(made.id);
  const { text, redacted } = kept(question, sensitive, fault !== null);
  // What a switch or observation answers says nothing about a bundle.
  const counts = pin === null && !observed ? evidenceFor(inForce, judged, cost) : null;
  const counted = decision.effect === 'allow' ? caps : null;
  const about = { inForce, judged, redacted, counts, session: request.session ?? null, account: counted?.account };
  return {
    decision,
    gravity: {
      risk: higherRisk(policy.budget?.risk ?? 'low', inForce.known.actionOf('*', action)?.risk ?? 'low'),
      minApprovers: policy.min_approvers,
    },
    redacted,
    row: {
      position: 0,
      id: made.id,
      generation: inForce.generation,
      bundle_id: judged.side.bundle?.id ?? null,
      arm: decision.arm,
      agent,
      action,
      session: request.session ?? null,
      key_id: keyId,
      owner: caller.owner,
      request_id: request.request_id ?? null,
      digest: request.request_id === undefined ? null : requestDigest(question),
      effect: decision.effect,
      policy_effect: decision.policy_effect,
      rule_id: decision.matched_rule,
      failed: policy.errors.some(({ code }) => code === 'work_exhausted'),
      mismatched: policy.errors.some(({ code }) => code === 'type_mismatch'),
      source: made.source,
      cost,
      day: inForce.calendarDay(made.nowMs),
      minute: new Date(timeMs - (timeMs % 60_000)).toISOString(),
      context: text,
      detail: detailText(decision, about),
      ...(counted === null ? {} : { caps: counted }),
      ...(counts === null ? {} : { evidence: counts }),
    },
  };
}

/** What a decision counts for in the evidence of the rollout that runs; null when none does. */
function evidenceFor({ rollout }: Enforced, { principal, counts }: Judgement, cost: number | null): Evidence | null {
  if (rollout === null || principal === null) return null;
  const price = Math.min(cost ?? 0, rollout.costCeiling ?? Number.POSITIVE_INFINITY);
  const arms = counts.map((arm) => (arm.arm === 'shadow' || price === 0 ? arm : { ...arm, cost: price }));
  return { rollout_id: rollout.id, step: rollout.step, principal, arms };
}

/** USD that the answer reserves when it allows: the rule's cost, else that of the catalog, else nothing. */
function priceOf({ budget }: PolicyDecision, { request }: Question, { known }: Enforced): number {
  return budget?.cost ?? known.actionOf('*', request.action)?.cost ?? 0;
}

/** The context a policy reads: the request's with the facts at top level. */
export function withFacts(context: Readonly<Record<string, unknown>>, facts: Facts): Readonly<Record<string, unknown>> {
  for (const _ in facts) return { ...context, ...facts };
  return context;
}

/** The policy's answer, with marks that change nothing. */
function plainAnswer(
  { request, discardedFacts }: Question,
  inForce: Enforced,
  facts: Facts,
  { side, arm, policy, candidateFailed, shadow }: Judgement,
  id: string,
): Decision {
  const { agent, action } = request;
  const overlays: Decision['overlays'] = [];
  const unknown = unknownTo(inForce.known, request);
  if (unknown !== null) overlays.push({ kind: 'unknown_action', detail: unknown });
  if (discardedFacts.length > 0) {
    const names = discardedFacts.map((name) => `\`${name}\``).join(', ');
    overlays.push({
      kind: 'facts_discarded',
      detail: `only the server sets ${names}; the values in the context were not used`,
      facts: [...discardedFacts],
    });
  }
  if (candidateFailed) {
    const detail = `bundle ${shadow?.bundle?.version}, which is on its way, could not decide this; the one before it did`;
    overlays.push({ kind: 'candidate_failed', detail });
  }
  const plain: Decision = {
    decision_id: id,
    created_at: new Date(timeOfId(id)).toISOString(),
    agent,
    action,
    effect: policy.effect,
    policy_effect: policy.effect,
    matched_rule: policy.matched_rule,
    reason: policy.reason,
    default: policy.default,
    bundle: side.bundle,
    generation: inForce.generation,
    arm,
    budget: policy.budget,
    errors: policy.errors,
    facts_used: facts,
    overlays,
  };
  return inForce.pinnedTo === null ? plain : bundlePinned(plain, inForce.pinnedTo);
}

interface Recorded {
  readonly inForce: Enforced;
  readonly judged: Judgement;
  readonly redacted: readonly string[];
  readonly counts: Evidence | null;
  readonly session: string | null;
  readonly account: string | undefined;
}

function detailText(decision: Decision, { inForce, judged, redacted, counts, session, account }: Recorded): string {
  const detail: RecordDetail = {
    bundle: decision.bundle && { version: decision.bundle.version, digest: decision.bundle.digest },
    default_effect: inForce.defaultEffect,
    lists: judged.side.listVersions,
    reason: decision.reason,
    default: decision.default,
    budget: decision.budget,
    errors: decision.errors,
    facts: decision.facts_used,
    overlays: decision.overlays,
    ...(decision.approval && { approval: decision.approval }),
    ...(account === undefined ? {} : { account }),
    ...(redacted.length === 0 ? {} : { redacted }),
    ...(inForce.rollout === null ? {} : { rollout: rolloutDetail(inForce.rollout, judged, counts, session) }),
  };
  return JSON.stringify(detail);
}

function rolloutDetail(
  { id, step, costCeiling }: NonNullable<Enforced['rollout']>,
  { shadow, counts: [first] }: Judgement,
  evidence: Evidence | null,
  session: string | null,
): NonNullable<RecordDetail['rollout']> {
  // An outcome says nothing about a bundle that gave no answer.
  const counted = evidence !== null && first !== undefined && first.failed === undefined;
  return {
    id,
    step,
    shadow,
    ...(counted && {
      counted: {
        arm: first.arm,
        ...(evidence.principal !== session && { principal: evidence.principal }),
        ...(costCeiling !== null && { ceiling: costCeiling }),
      },
    }),
  };
}

/** What a repeated request id must repeat: agent, action, session, approval and the context without facts. 64 hex digits. */
function requestDigest({ request, context }: Question): string {
  const { agent, action, session = null, approval_id } = request;
  const repeated = { agent, action, context, session, ...(approval_id === undefined ? {} : { approval_id }) };
  return createHash('sha256').update(canonicalJson(repeated)).digest('hex');
}
