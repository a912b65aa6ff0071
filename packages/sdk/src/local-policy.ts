import { type Decision, jsonPointer, type ProblemItem, type Snapshot } from '@policy-studio/contract';
import {
  type BundlePin,
  bucketKey,
  bucketOf,
  bundleDigest,
  bundlePinned,
  type CompiledCatalog,
  type CompiledPolicy,
  clockIn,
  compile,
  compileCatalog,
  contextFault,
  contextInvalid,
  type Diagnostic,
  decide,
  type Effect,
  type Explanation,
  explain,
  isCanary,
  isTimeZone,
  type Lists,
  observed,
  type Pin,
  type PolicyDecision,
  pinAt,
  pinned,
  type RuleInput,
  safely,
  unknownTo,
  withoutFacts,
} from '@policy-studio/engine';
import { ProblemError } from './problem-error.js';
import { type LocalRequest, requestFault } from './request.js';

/**
 * A decision made in process: the server's, without what only a server has (an id, a time, a generation, counters). `bundle` is null when
 * nothing is in force; its id and version are null when it came from a file.
 */
export type LocalDecision = Pick<
  Decision,
  | 'agent'
  | 'action'
  | 'effect'
  | 'policy_effect'
  | 'matched_rule'
  | 'reason'
  | 'default'
  | 'budget'
  | 'errors'
  | 'facts_used'
  | 'overlays'
  | 'arm'
> & { bundle: LocalBundle | null };

export interface LocalBundle {
  readonly id: number | null;
  readonly version: string | null;
  readonly digest: string;
}

/** A decision with its candidate rules in decision order, each condition with the actual value. */
export type LocalExplanation = Omit<Explanation, 'decision'> & { decision: LocalDecision };

export interface LocalPolicyOptions {
  /** Milliseconds since 1970, for the facts of the clock (default `Date.now`); null: the clock's facts are unknown. */
  readonly clock?: (() => number) | null;
  /** Keep the facts a request brings, which otherwise are discarded: for simulation and replay, never for live requests. */
  readonly trustFacts?: boolean;
}

export interface LocalBundleSource extends LocalPolicyOptions {
  readonly rules: readonly RuleInput[];
  readonly lists?: Lists;
  /** Default `deny`. */
  readonly defaultEffect?: Effect;
  /** IANA name (default `UTC`). */
  readonly timeZone?: string;
}

/** A bundle ready to decide with. */
interface Side {
  readonly bundle: LocalBundle | null;
  readonly policy: CompiledPolicy;
}

/** The bundle on its way, and whom it decides for. */
interface Candidate {
  readonly bundle: LocalBundle;
  /** null: this version of the engine cannot read it, so the stable bundle answers in its place. */
  readonly policy: CompiledPolicy | null;
  readonly rolloutId: number;
  readonly sharePercent: number;
  readonly keyId: number;
  readonly ignoresSession: boolean;
}

interface Parts {
  readonly stable: Side;
  readonly candidate: Candidate | null;
  readonly catalog: CompiledCatalog | null;
  readonly enforceContext: boolean;
  readonly safe: boolean;
  readonly pin: Pin | null;
  readonly bundlePin: BundlePin | null;
  readonly observed: readonly string[];
  readonly timeZone: string;
  readonly options: LocalPolicyOptions;
}

const onlyStable = { candidate: null, safe: false, pin: null, bundlePin: null, observed: [] } as const;

/**
 * Decides in process, with the engine the server uses. Budgets, counters of past decisions and approvals live on the
 * server only: facts such as `daily_spend` are missing here, and a rule that tests them does not match.
 *
 * ```ts
 * const policy = LocalPolicy.fromSnapshot(await client.bundles.getSnapshot());
 * policy.evaluate({ agent: 'inbox.triage', action: 'quarantine', context: { risk_score: 95 } }).effect;
 * ```
 */
export class LocalPolicy {
  /** The stable bundle; a decision names the one that made it. */
  readonly bundle: LocalBundle | null;
  readonly defaultEffect: Effect;
  readonly #parts: Parts;
  readonly #now: (() => number) | null;
  readonly #facts: (() => Readonly<Record<string, unknown>>) | null;
  readonly #trustFacts: boolean;

  private constructor(parts: Parts) {
    const { stable, timeZone, options } = parts;
    this.bundle = stable.bundle;
    this.defaultEffect = stable.policy.defaultEffect;
    this.#parts = parts;
    this.#trustFacts = options.trustFacts ?? false;
    const nowMs = options.clock === undefined ? Date.now : options.clock;
    const factsAt = clockIn(timeZone);
    this.#now = nowMs;
    this.#facts = nowMs === null ? null : () => ({ ...factsAt(nowMs()) });
  }

  /**
   * The policy of rules alone, without a catalog: contexts are not checked. Throws a ProblemError `bundle_rejected` whose `errors` name every wrong place, by JSON Pointer into the rules.
   */
  static fromBundle(source: LocalBundleSource): LocalPolicy {
    const { rules, lists = {}, defaultEffect = 'deny' } = source;
    const policy = compiled(rules, lists, defaultEffect);
    const bundle = { id: null, version: null, digest: bundleDigest(rules) };
    const timeZone = zone(source.timeZone ?? 'UTC');
    const stable = { bundle, policy };
    return new LocalPolicy({ ...onlyStable, stable, catalog: null, enforceContext: false, timeZone, options: source });
  }

  /**
   * The policy of a server's snapshot. Throws a ProblemError `snapshot_mismatch` when its rules are not those of its
   * digest, `bundle_rejected` when this version of the engine cannot read them or the catalog. While a rollout runs, the
   * bucket of a request says which of the two bundles decides, as on the server.
   */
  static fromSnapshot(snapshot: Snapshot, options: LocalPolicyOptions = {}): LocalPolicy {
    const { stable, enforce_context: enforceContext, safe, pin, observed } = snapshot;
    const policy = compiled(rulesOf(stable), listsOf(snapshot), snapshot.default_effect);
    if (stable !== null) confirmDigest(stable);
    return new LocalPolicy({
      stable: { bundle: stable && named(stable), policy },
      candidate: candidateOf(snapshot),
      catalog: compiledCatalog(snapshot),
      enforceContext,
      safe,
      pin,
      // A server of an earlier version does not say.
      bundlePin: snapshot.bundle_pin ?? null,
      observed,
      timeZone: zone(snapshot.time_zone),
      options,
    });
  }

  /** Throws a ProblemError `validation_failed` for a request that a server would refuse (422). */
  evaluate(request: LocalRequest): LocalDecision {
    const judged = this.#judge(request);
    return this.#answer(request, judged, judged.decision);
  }

  /** As `evaluate`, with every candidate rule and condition. */
  explain(request: LocalRequest): LocalExplanation {
    const judged = this.#judge(request);
    const { agent, action } = request;
    const { decision, trace, truncated } = explain(judged.side.policy, { agent, action, context: judged.context });
    return { decision: this.#answer(request, judged, decision), trace, truncated };
  }

  #judge(request: LocalRequest): Judged {
    const fault = requestFault(request);
    if (fault !== null) {
      throw new ProblemError({ code: 'validation_failed', status: 422, detail: fault.message, errors: [fault] });
    }
    const { stable, candidate } = this.#parts;
    if (candidate === null || !inCanary(candidate, request)) return this.#decide(request, stable, 'stable', null);
    const { bundle, policy } = candidate;
    if (policy !== null) {
      const judged = this.#decide(request, { bundle, policy }, 'canary', null);
      if (judged.decision.errors.every(({ code }) => code !== 'work_exhausted')) return judged;
    }
    return this.#decide(request, stable, 'stable', bundle);
  }

  #decide(request: LocalRequest, side: Side, arm: 'stable' | 'canary', failed: LocalBundle | null): Judged {
    const { agent, action } = request;
    const { context, discarded } = this.#trustFacts
      ? { context: request.context, discarded: none }
      : withoutFacts(request.context);
    const read = side.policy.factsRead(agent, action);
    const known = read.length === 0 || this.#facts === null ? context : { ...this.#facts(), ...context };
    const factsUsed = read.length === 0 ? {} : pick(known, read);
    const decision = decide(side.policy, { agent, action, context: known });
    return { side, arm, failed, context: known, discarded, factsUsed, decision };
  }

  #answer(request: LocalRequest, judged: Judged, decision: PolicyDecision): LocalDecision {
    const { context, discarded, factsUsed, side, arm, failed } = judged;
    const { effect, matched_rule, reason, budget, errors } = decision;
    const { agent, action } = request;
    const { catalog, enforceContext, safe, observed: patterns } = this.#parts;
    const fault = enforceContext && catalog ? contextFault(catalog, { action, context }) : null;
    const unknown = catalog && unknownTo(catalog, request);
    // Written out: a spread here costs ten times the decision.
    const plain: LocalDecision = {
      agent,
      action,
      effect,
      policy_effect: effect,
      matched_rule,
      reason,
      default: decision.default,
      bundle: side.bundle,
      arm,
      budget,
      errors,
      facts_used: factsUsed,
      overlays: discarded.length === 0 && unknown === null && failed === null ? [] : marks(discarded, unknown, failed),
    };
    const { pin, bundlePin } = this.#parts;
    if (fault === null && !safe && pin === null && bundlePin === null && patterns.length === 0) return plain;
    // Without a clock nobody knows that a pin is over.
    const lasting = this.#now === null ? pin : pinAt(pin, this.#now());
    const watched = lasting?.effect !== 'deny' && patterns.some((pattern) => covers(pattern, agent));
    const marked = bundlePin === null ? plain : bundlePinned(plain, bundlePin);
    const denied = fault === null ? marked : contextInvalid(marked, fault);
    const safest = safe ? safely(denied) : denied;
    const switched = lasting === null ? safest : pinned(safest, lasting);
    return watched ? observed(switched) : switched;
  }
}

const none: readonly string[] = [];

/** A request decided by one of the bundles. */
interface Judged {
  readonly side: Side;
  readonly arm: 'stable' | 'canary';
  /** The candidate, when it was to decide and could not. */
  readonly failed: LocalBundle | null;
  readonly context: Readonly<Record<string, unknown>>;
  readonly discarded: readonly string[];
  readonly factsUsed: Record<string, unknown>;
  readonly decision: PolicyDecision;
}

function inCanary(candidate: Candidate, { session, agent }: LocalRequest): boolean {
  const { rolloutId, sharePercent, keyId, ignoresSession } = candidate;
  const key = bucketKey(ignoresSession ? null : (session ?? null), keyId, agent);
  return isCanary(bucketOf(rolloutId, key), sharePercent);
}

/** Whether an agent's name is the pattern, or below its prefix (`inbox.*` covers `inbox.triage`, not `inbox`). */
function covers(pattern: string, agent: string): boolean {
  return pattern === '*' || pattern === agent || (pattern.endsWith('.*') && agent.startsWith(pattern.slice(0, -1)));
}

function marks(
  discarded: readonly string[],
  unknown: string | null,
  failed: LocalBundle | null,
): LocalDecision['overlays'] {
  const overlays: LocalDecision['overlays'] = [];
  if (unknown !== null) overlays.push({ kind: 'unknown_action', detail: unknown });
  if (discarded.length > 0) {
    const detail = `the request set ${discarded.join(', ')}, which only the clock and the server set`;
    overlays.push({ kind: 'facts_discarded', detail });
  }
  if (failed !== null) {
    const detail = `bundle ${failed.version}, which is on its way, could not decide this; the one before it did`;
    overlays.push({ kind: 'candidate_failed', detail });
  }
  return overlays;
}

type SnapshotBundle = NonNullable<Snapshot['stable']>;

/** The contract only bounds rules; `compile` checks each against the schema. */
function rulesOf(bundle: SnapshotBundle | null): readonly RuleInput[] {
  return (bundle?.rules ?? []) as unknown as readonly RuleInput[];
}

function named({ id, version, digest }: SnapshotBundle): LocalBundle {
  return { id, version, digest };
}

function confirmDigest(bundle: SnapshotBundle): void {
  if (bundleDigest(rulesOf(bundle)) === bundle.digest) return;
  throw new ProblemError({
    code: 'snapshot_mismatch',
    detail: `the rules of bundle ${bundle.version} do not have the digest the snapshot states: fetch it again`,
  });
}

/** A candidate that cannot be read is no reason to decide nothing: the stable bundle stands in for it. */
function candidateOf(snapshot: Snapshot): Candidate | null {
  const { candidate, rollout, bucket_by: by } = snapshot;
  if (candidate === null || rollout === null) return null;
  const policy = compile({ rules: rulesOf(candidate) }, listsOf(snapshot), { defaultEffect: snapshot.default_effect });
  const readable = Array.isArray(policy) ? null : policy;
  if (readable !== null) confirmDigest(candidate);
  return {
    bundle: named(candidate),
    policy: readable,
    rolloutId: rollout.id,
    sharePercent: rollout.share_pct,
    keyId: by.key_id,
    ignoresSession: by.session === 'ignore',
  };
}

function pick(context: Readonly<Record<string, unknown>>, fields: readonly string[]): Record<string, unknown> {
  const present = fields.filter((field) => Object.hasOwn(context, field) && context[field] != null);
  return Object.fromEntries(present.map((field) => [field, context[field]]));
}

function compiled(rules: readonly RuleInput[], lists: Lists, defaultEffect: Effect): CompiledPolicy {
  const result = compile({ rules }, lists, { defaultEffect });
  if (!Array.isArray(result)) return result;
  const [first] = result;
  throw new ProblemError({
    code: 'bundle_rejected',
    status: 422,
    detail: `the bundle is not valid: ${first?.message ?? ''}${result.length > 1 ? ` (and ${result.length - 1} more)` : ''}`,
    errors: result.map(item),
  });
}

function compiledCatalog({ catalog }: Snapshot): CompiledCatalog {
  const result = compileCatalog(catalog);
  if (!Array.isArray(result)) return result;
  const detail = `the catalog of the snapshot cannot be used: ${result[0]?.message}`;
  throw new ProblemError({ code: 'bundle_rejected', status: 422, detail, errors: result.map(item) });
}

function item({ code, path, message }: Diagnostic): ProblemItem {
  return { code, path: jsonPointer(path), message };
}

function listsOf({ lists }: Snapshot): Lists {
  return Object.fromEntries(
    Object.entries(lists).map(([name, { values, normalize }]) => [
      name,
      normalize === null ? { values } : { values, normalize },
    ]),
  );
}

function zone(name: string): string {
  if (isTimeZone(name)) return name;
  throw new ProblemError({
    code: 'invalid_input',
    detail: `\`${name}\` is no IANA time zone such as \`Europe/Madrid\``,
  });
}
