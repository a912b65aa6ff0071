import type { Effect } from './generated/rule.js';

/** Why the enforced effect is not the policy's, or a mark that changes nothing. */
export interface Overlay {
  readonly kind: string;
  readonly detail: string;
  /** What would have been answered but for this one. */
  readonly would_be?: Effect;
  /** The policy's own reason, at the first overlay that gave another. */
  readonly policy_reason?: string;
}

/** What overlays look at and change of a decision. */
interface Answer {
  readonly effect: Effect;
  readonly reason: string;
  readonly overlays: readonly object[];
}

/** An emergency switch: everybody gets this effect until then (RFC 3339). */
export interface Pin {
  readonly effect: 'allow' | 'deny';
  readonly until: string;
  readonly reason: string;
}

/** The decision with the effect of an overlay. Its reason gives way to the overlay's; the policy's own stays beside it. */
export function overlaid<A extends Answer>(
  answer: A,
  effect: Effect,
  kind: string,
  detail: string,
  about: Readonly<Record<string, unknown>> = {},
): A {
  const told = answer.overlays.some((one) => 'policy_reason' in one);
  const overlay = { kind, detail, ...about, ...(told ? {} : { policy_reason: answer.reason }) };
  return { ...answer, effect, reason: detail, overlays: [...answer.overlays, overlay] };
}

/** What of a context is not as the schema of its action says; see `contextFault`. */
interface Fault {
  readonly reason: string;
  readonly violations: readonly { readonly path: readonly string[]; readonly message: string }[];
}

const invalid = 'context_invalid';

/** Denied for its context. Each violation stands among the errors too, after those of the policy. */
export function contextInvalid<A extends Answer & { readonly errors: readonly object[] }>(
  answer: A,
  { reason, violations }: Fault,
): A {
  const told = violations.map(({ path, message }) => ({ path: [...path], message }));
  const errors = violations.map(({ path }) =>
    path.length === 0 ? { code: invalid } : { code: invalid, field: path.join('.') },
  );
  return { ...overlaid(answer, 'deny', invalid, reason, { violations: told }), errors: [...answer.errors, ...errors] };
}

/** The errors of a decision that its policy made, without those of its context. */
export function policyErrors<E extends { readonly code: string }>(errors: readonly E[]): E[] {
  return errors.filter(({ code }) => code !== invalid);
}

/** Denied by the built-in safe bundle, whatever the policy says. */
export function safely<A extends Answer>(answer: A): A {
  const why = 'the built-in safe bundle is in force, which denies everything until a bundle is activated';
  return overlaid(answer, 'deny', 'safe_bundle', why);
}

/** Answered as an emergency switch says. */
export function pinned<A extends Answer>(answer: A, { effect, until, reason }: Pin): A {
  const why = `an emergency switch answers ${effect} to everybody until ${until}: ${reason}`;
  return overlaid(answer, effect, 'pinned', why, { would_be: answer.effect });
}

/** A bundle that decides everything, whatever the rollouts say, until then (RFC 3339; null: until somebody ends it). */
export interface BundlePin {
  readonly version: string;
  readonly until: string | null;
  readonly reason: string;
}

/** The decision of a pinned bundle, marked as that. */
export function bundlePinned<A extends Answer>(answer: A, { version, until, reason }: BundlePin): A {
  const detail = `bundle ${version} is pinned and decides everything${until === null ? '' : ` until ${until}`}: ${reason}`;
  return { ...answer, overlays: [...answer.overlays, { kind: 'bundle_pinned', detail }] };
}

/** Answered `allow`, with what would have been answered kept beside it. */
export function observed<A extends Answer>(answer: A): A {
  const { effect, reason } = answer;
  if (effect === 'allow') {
    const overlay = { kind: 'observed', detail: 'this agent is only observed', would_be: effect };
    return { ...answer, overlays: [...answer.overlays, overlay] };
  }
  const would = effect === 'deny' ? 'denied' : 'left to an approval';
  const why = `this agent is only observed; this would have been ${would}: ${reason}`;
  return overlaid(answer, 'allow', 'observed', why, { would_be: effect });
}

/** The pin while it lasts; null for none, or when it is over. */
export function pinAt<P extends { readonly until: string | null }>(pin: P | null, nowMs: number): P | null {
  return pin !== null && (pin.until === null || nowMs < Date.parse(pin.until)) ? pin : null;
}
