import { type Decision, jsonPointer, type ProblemItem, type Snapshot } from '@policy-studio/contract';
import {
  bundleDigest,
  type CompiledCatalog,
  type CompiledPolicy,
  type ContextFault,
  clockIn,
  compile,
  compileCatalog,
  contextFault,
  type Diagnostic,
  decide,
  type Effect,
  type Explanation,
  explain,
  isTimeZone,
  type Lists,
  type PolicyDecision,
  type RuleInput,
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

interface Parts {
  readonly policy: CompiledPolicy;
  readonly catalog: CompiledCatalog | null;
  readonly enforceContext: boolean;
  readonly bundle: LocalBundle | null;
  readonly timeZone: string;
  readonly options: LocalPolicyOptions;
}

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
  readonly bundle: LocalBundle | null;
  readonly defaultEffect: Effect;
  readonly #policy: CompiledPolicy;
  readonly #catalog: CompiledCatalog | null;
  readonly #enforceContext: boolean;
  readonly #clock: (() => Readonly<Record<string, unknown>>) | null;
  readonly #trustFacts: boolean;

  private constructor({ policy, catalog, enforceContext, bundle, timeZone, options }: Parts) {
    this.bundle = bundle;
    this.defaultEffect = policy.defaultEffect;
    this.#policy = policy;
    this.#catalog = catalog;
    this.#enforceContext = enforceContext;
    this.#trustFacts = options.trustFacts ?? false;
    const nowMs = options.clock === undefined ? Date.now : options.clock;
    const factsAt = clockIn(timeZone);
    this.#clock = nowMs === null ? null : () => ({ ...factsAt(nowMs()) });
  }

  /**
   * The policy of rules alone, without a catalog: contexts are not checked. Throws a ProblemError `bundle_rejected` whose `errors` name every wrong place, by JSON Pointer into the rules.
   */
  static fromBundle(source: LocalBundleSource): LocalPolicy {
    const { rules, lists = {}, defaultEffect = 'deny' } = source;
    const policy = compiled(rules, lists, defaultEffect);
    const bundle = { id: null, version: null, digest: bundleDigest(rules) };
    const timeZone = zone(source.timeZone ?? 'UTC');
    return new LocalPolicy({ policy, catalog: null, enforceContext: false, bundle, timeZone, options: source });
  }

  /**
   * The policy of a server's snapshot. Throws a ProblemError `snapshot_mismatch` when its rules are not those of its
   * digest, `bundle_rejected` when this version of the engine cannot read them or the catalog.
   */
  static fromSnapshot(snapshot: Snapshot, options: LocalPolicyOptions = {}): LocalPolicy {
    const { stable } = snapshot;
    // The contract only bounds rules; `compile` checks each against the schema.
    const rules = (stable?.rules ?? []) as unknown as readonly RuleInput[];
    const policy = compiled(rules, listsOf(snapshot), snapshot.default_effect);
    if (stable !== null && bundleDigest(rules) !== stable.digest) {
      throw new ProblemError({
        code: 'snapshot_mismatch',
        detail: `the rules of bundle ${stable.version} do not have the digest the snapshot states: fetch it again`,
      });
    }
    const bundle = stable === null ? null : { id: stable.id, version: stable.version, digest: stable.digest };
    return new LocalPolicy({
      policy,
      catalog: compiledCatalog(snapshot),
      enforceContext: snapshot.enforce_context,
      bundle,
      timeZone: zone(snapshot.time_zone),
      options,
    });
  }

  /** Throws a ProblemError `validation_failed` for a request that a server would refuse (422). */
  evaluate(request: LocalRequest): LocalDecision {
    const asked = this.#prepare(request);
    return this.#answer(
      request,
      asked,
      decide(this.#policy, { agent: request.agent, action: request.action, context: asked.context }),
    );
  }

  /** As `evaluate`, with every candidate rule and condition. */
  explain(request: LocalRequest): LocalExplanation {
    const asked = this.#prepare(request);
    const { decision, trace, truncated } = explain(this.#policy, {
      agent: request.agent,
      action: request.action,
      context: asked.context,
    });
    return { decision: this.#answer(request, asked, decision), trace, truncated };
  }

  #prepare(request: LocalRequest): Asked {
    const fault = requestFault(request);
    if (fault !== null) {
      throw new ProblemError({ code: 'validation_failed', status: 422, detail: fault.message, errors: [fault] });
    }
    const { context, discarded } = this.#trustFacts
      ? { context: request.context, discarded: [] }
      : withoutFacts(request.context);
    const read = this.#policy.factsRead(request.agent, request.action);
    if (read.length === 0) return { context, discarded, factsUsed: {} };
    const withFacts = this.#clock === null ? context : { ...this.#clock(), ...context };
    return { context: withFacts, discarded, factsUsed: pick(withFacts, read) };
  }

  #answer(request: LocalRequest, { context, discarded, factsUsed }: Asked, decision: PolicyDecision): LocalDecision {
    const { effect, matched_rule, reason, budget, errors } = decision;
    const { agent, action } = request;
    const fault = this.#enforceContext && this.#catalog ? contextFault(this.#catalog, { action, context }) : null;
    const unknown = this.#catalog && unknownTo(this.#catalog, request);
    // Written out: a spread here costs ten times the decision.
    return {
      agent,
      action,
      effect: fault === null ? effect : 'deny',
      policy_effect: effect,
      matched_rule,
      reason: fault === null ? reason : fault.reason,
      default: decision.default,
      bundle: this.bundle,
      budget,
      errors,
      facts_used: factsUsed,
      overlays:
        discarded.length === 0 && unknown === null && fault === null
          ? []
          : overlaysOf(discarded, unknown, fault, reason),
    };
  }
}

function overlaysOf(
  discarded: readonly string[],
  unknown: string | null,
  fault: ContextFault | null,
  policyReason: string,
): Decision['overlays'] {
  const overlays: Decision['overlays'] = [];
  if (unknown !== null) overlays.push({ kind: 'unknown_action', detail: unknown });
  if (discarded.length > 0) {
    const detail = `the request set ${discarded.join(', ')}, which only the clock and the server set`;
    overlays.push({ kind: 'facts_discarded', detail });
  }
  if (fault !== null) {
    const violations = fault.violations.map(({ path, message }) => ({ path: [...path], message }));
    overlays.push({ kind: 'context_invalid', detail: fault.reason, violations, policy_reason: policyReason });
  }
  return overlays;
}

interface Asked {
  readonly context: Readonly<Record<string, unknown>>;
  readonly discarded: readonly string[];
  readonly factsUsed: Record<string, unknown>;
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
