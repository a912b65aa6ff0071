import Type, { type Static } from 'typebox';
import { BundleRef } from './decision.js';
import { Actor, Id, Nullable, Prose, Reason, Timestamp } from './vocabulary.js';

export const PinEffect = Type.Enum(['allow', 'deny']);
/** The longest an emergency switch lasts, in minutes. */
export const maxPinMinutes = 60;
const TtlMinutes = Type.Number({ exclusiveMinimum: 0, maximum: maxPinMinutes, description: 'Minutes, at most 60.' });

/** An emergency switch that is on: whoever asks gets this effect, and what the policy says is recorded beside it. */
export const Pin = Type.Object(
  {
    effect: PinEffect,
    reason: Type.String(),
    started_by: Nullable(Actor, { description: 'null: only the database knows, and it is away.' }),
    confirmed_by: Nullable(Actor, { description: 'The second person, where one was needed.' }),
    started_at: Nullable(Timestamp),
    until: Timestamp,
    incident_id: Nullable(Id),
  },
  { $id: 'Pin' },
);
export type Pin = Static<typeof Pin>;

/** A switch to `allow` that waits for a second person, who asks for the same. */
export const PinRequest = Type.Object({
  effect: PinEffect,
  reason: Type.String(),
  ttl_minutes: Type.Number(),
  asked_by: Actor,
  asked_at: Timestamp,
  expires_at: Timestamp,
});
export type PinRequest = Static<typeof PinRequest>;

export const DisablePolicy = Type.Object(
  { effect: PinEffect, reason: Reason, ttl_minutes: TtlMinutes },
  { additionalProperties: false },
);
export const EnablePolicy = Type.Object({ reason: Type.Optional(Prose(2000)) }, { additionalProperties: false });

export const EmergencySwitch = Type.Object(
  {
    pin: Nullable(Pin, { description: 'What is pinned now; null: the policy decides.' }),
    generation: Type.Integer({ description: 'Of what is in force; each server acknowledges it.' }),
    message: Type.String(),
  },
  { $id: 'EmergencySwitch' },
);
export type EmergencySwitch = Static<typeof EmergencySwitch>;

/** The longest a bundle is pinned for when a time is named, in minutes: a week. */
export const maxBundlePinMinutes = 7 * 24 * 60;

/** A bundle that decides everything, whatever the rollouts say. */
export const BundlePin = Type.Object(
  {
    bundle: BundleRef,
    reason: Type.String(),
    pinned_by: Nullable(Actor, { description: 'null: only the database knows, and it is away.' }),
    pinned_at: Nullable(Timestamp),
    until: Nullable(Timestamp, { description: 'null: until somebody ends it.' }),
    incident_id: Nullable(Id),
  },
  { $id: 'BundlePin' },
);
export type BundlePin = Static<typeof BundlePin>;

export const PinBundle = Type.Object(
  {
    bundle_id: Id,
    reason: Reason,
    ttl_minutes: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: maxBundlePinMinutes,
        description: 'Minutes, at most a week; left out: until somebody ends it.',
      }),
    ),
  },
  { additionalProperties: false },
);
export const UnpinBundle = Type.Object({ reason: Type.Optional(Prose(2000)) }, { additionalProperties: false });

export const PinnedBundle = Type.Object(
  {
    bundle_pin: Nullable(BundlePin, { description: 'What is pinned now; null: the rollouts decide.' }),
    generation: Type.Integer({ description: 'Of what is in force; each server acknowledges it.' }),
    message: Type.String(),
  },
  { $id: 'PinnedBundle' },
);
export type PinnedBundle = Static<typeof PinnedBundle>;
