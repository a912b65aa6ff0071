import { createHash } from 'node:crypto';
import type { Decision, EvaluateRequest } from '@policy-studio/contract';
import {
  type ContextFault,
  canonicalJson,
  contextFault,
  decide,
  type PolicyDecision,
  unknownTo,
  withoutFacts,
} from '@policy-studio/engine';
import type { Caller } from '../../caller.js';
import type { Enforced } from '../enforcement/queries.js';
import { timeOfId } from './decision-id.js';
import { kept } from './redaction.js';

/** What a request id is scoped to when the bootstrap token asks. */
export const bootstrapKeyId = 0;

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
  readonly cap: number | null;
  readonly day: string;
  readonly minute: string;
  readonly context: string;
  readonly detail: string;
  readonly denied_detail: string | null;
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
  /** Fields whose values are not kept; absent: none. */
  readonly redacted?: readonly string[];
}

/** A decision that is made and not yet recorded. */
export interface Draft {
  readonly decision: Decision;
  /** The answer when the cap leaves no room for its cost; null when it reserves nothing under a cap. */
  readonly denied: Decision | null;
  readonly row: RecordRow;
}

type Overlay = Decision['overlays'][number];

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
  enforced: Enforced,
  facts: Facts,
  circumstances: Circumstances,
  made: { readonly id: string; readonly nowMs: number; readonly source: Source },
): Draft {
  const { agent, action } = question.request;
  const policy = decide(enforced.policy, { agent, action, context: withFacts(question.context, facts) });
  const price = priceOf(policy, question, enforced);
  const sensitive = enforced.sensitive.get(action);
  const fault =
    enforced.enforceContext || sensitive ? contextFault(enforced.known, { action, context: question.context }) : null;
  const denies = enforced.enforceContext ? fault : null;
  const decision = answer(question, enforced, facts, policy, { ...circumstances, price, fault: denies }, made.id);
  const cost = decision.effect === 'allow' && price > 0 ? price : null;
  const cap = cost === null ? null : enforced.costBudget24h;
  const denied =
    cap === null ? null : deniedBy(decision, 'budget_exhausted', `the budget of ${cap} USD a day is used up`);
  const timeMs = timeOfId(made.id);
  const { request } = question;
  const { text, redacted } = kept(question, sensitive, fault !== null);
  return {
    decision,
    denied,
    row: {
      position: 0,
      id: made.id,
      generation: enforced.generation,
      bundle_id: enforced.bundle?.id ?? null,
      arm: decision.arm,
      agent,
      action,
      session: request.session ?? null,
      key_id: caller.keyId ?? bootstrapKeyId,
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
      cap,
      day: enforced.calendarDay(made.nowMs),
      minute: new Date(timeMs - (timeMs % 60_000)).toISOString(),
      context: text,
      detail: detailText(decision, enforced, redacted),
      denied_detail: denied && detailText(denied, enforced, redacted),
    },
  };
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

function answer(
  question: Question,
  enforced: Enforced,
  facts: Facts,
  policy: PolicyDecision,
  {
    stale,
    databaseAway,
    price,
    fault,
  }: Circumstances & { readonly price: number; readonly fault: ContextFault | null },
  id: string,
): Decision {
  const { agent, action } = question.request;
  const overlays: Decision['overlays'] = [];
  const unknown = unknownTo(enforced.known, question.request);
  if (unknown !== null) overlays.push({ kind: 'unknown_action', detail: unknown });
  if (question.discardedFacts.length > 0) {
    const names = question.discardedFacts.map((name) => `\`${name}\``).join(', ');
    overlays.push({
      kind: 'facts_discarded',
      detail: `only the server sets ${names}; the values in the context were not used`,
      facts: [...question.discardedFacts],
    });
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
    bundle: enforced.bundle,
    generation: enforced.generation,
    arm: 'stable',
    budget: policy.budget,
    errors: policy.errors,
    facts_used: facts,
    overlays,
  };
  // So that a wrong type cannot dodge a rule.
  const valid = fault === null ? plain : deniedBy(plain, 'context_invalid', fault.reason, told(fault));
  if (!databaseAway && !stale) return valid;
  const reserves = valid.effect === 'allow' && price > 0 && enforced.costBudget24h !== null;
  let decision = valid;
  if (databaseAway) {
    const why = `the database cannot be reached; decided by generation ${enforced.generation}, the last one known${
      question.request.request_id === undefined ? '' : ', without looking for earlier uses of the request_id'
    }`;
    decision = reserves
      ? deniedBy(
          valid,
          'database_unavailable',
          'the database cannot be reached, and the cost needs a reservation under the cap',
        )
      : { ...valid, overlays: [...valid.overlays, { kind: 'database_unavailable', detail: why }] };
  }
  if (!stale) return decision;
  return deniedBy(
    decision,
    'stale_policy',
    `the policy has not been confirmed for more than ${enforced.maxStaleMinutes} minutes, everything is denied`,
  );
}

function told({ violations }: ContextFault): Pick<Overlay, 'violations'> {
  return { violations: violations.map(({ path, message }) => ({ path: [...path], message })) };
}

/** The same decision, denied by an overlay. Its reason gives way to the overlay's; the policy's own stays beside it. */
function deniedBy(
  decision: Decision,
  kind: Overlay['kind'],
  detail: string,
  about: Pick<Overlay, 'violations'> = {},
): Decision {
  const earlier = decision.overlays.find(({ policy_reason }) => policy_reason !== undefined);
  const overlay = { kind, detail, ...about, ...(earlier ? {} : { policy_reason: decision.reason }) };
  return { ...decision, effect: 'deny', reason: detail, overlays: [...decision.overlays, overlay] };
}

function detailText(decision: Decision, enforced: Enforced, redacted: readonly string[]): string {
  const detail: RecordDetail = {
    bundle: decision.bundle && { version: decision.bundle.version, digest: decision.bundle.digest },
    default_effect: enforced.defaultEffect,
    lists: enforced.listVersions,
    reason: decision.reason,
    default: decision.default,
    budget: decision.budget,
    errors: decision.errors,
    facts: decision.facts_used,
    overlays: decision.overlays,
    ...(redacted.length === 0 ? {} : { redacted }),
  };
  return JSON.stringify(detail);
}

/** What a repeated request id must repeat: agent, action, session and the context without facts. 64 hex digits. */
function requestDigest({ request, context }: Question): string {
  const { agent, action, session = null } = request;
  return createHash('sha256').update(canonicalJson({ agent, action, context, session })).digest('hex');
}
