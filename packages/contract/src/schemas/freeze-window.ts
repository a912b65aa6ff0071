import Type, { type Static } from 'typebox';
import { Actor, Id, Label, Nullable, Prose, Timestamp } from './vocabulary.js';

export const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
export const Weekday = Type.Enum(weekdays);
export type Weekday = (typeof weekdays)[number];

const Time = (description: string) =>
  Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: `${description}, such as \`16:30\`` });
const MonthDay = (description: string) =>
  Type.String({
    pattern: '^(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$',
    description: `${description}, such as \`12-24\``,
  });
const LocalTime = (description: string) =>
  Type.String({
    pattern: '^20\\d\\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T([01]\\d|2[0-3]):[0-5]\\d$',
    description: `${description}, without a zone, such as \`2026-12-20T18:00\``,
  });
const strict = { additionalProperties: false } as const;

/** When nothing is activated or promoted, in local time. A window begins at its `from` and is over at its `to`. */
export const FreezeRule = Type.Union(
  [
    Type.Object(
      {
        type: Type.Literal('daily'),
        days: Type.Array(Weekday, { minItems: 1, maxItems: 7, uniqueItems: true, description: 'On which it begins.' }),
        from: Time('A time of day'),
        to: Time('A time of day; at or before `from`: of the day after'),
      },
      strict,
    ),
    Type.Object(
      {
        type: Type.Literal('weekly'),
        from: Type.Object({ day: Weekday, time: Time('A time of day') }, strict),
        to: Type.Object({ day: Weekday, time: Time('A time of day') }, strict),
      },
      strict,
    ),
    Type.Object(
      {
        type: Type.Literal('yearly'),
        from: MonthDay('The first day'),
        to: MonthDay('The last day, whole; before `from`: of the year after'),
      },
      strict,
    ),
    Type.Object(
      { type: Type.Literal('dates'), from: LocalTime('A local time'), to: LocalTime('A later local time') },
      strict,
    ),
  ],
  {
    description:
      '`daily {days, from, to}`, `weekly {from {day, time}, to {day, time}}`, `yearly {from, to}` (whole days) or `dates {from, to}` (once).',
  },
);
export type FreezeRule = Static<typeof FreezeRule>;

const Span = Type.Object({ from: Timestamp, to: Timestamp });

export const FreezeWindow = Type.Object(
  {
    id: Id,
    name: Type.String(),
    reason: Type.String(),
    rule: FreezeRule,
    time_zone: Type.String({ description: 'IANA name.' }),
    enabled: Type.Boolean(),
    current: Nullable(Span, { description: 'The time it is on, where that is now; also of one that is not enabled.' }),
    next: Nullable(Span, { description: 'The next time it is on; null: never again.' }),
    created_by: Actor,
    created_at: Timestamp,
    updated_by: Actor,
    updated_at: Timestamp,
  },
  { $id: 'FreezeWindow' },
);
export type FreezeWindow = Static<typeof FreezeWindow>;

/** A freeze that is on: by windows, by a pinned bundle, or by both. */
export const Freeze = Type.Object({
  until: Nullable(Timestamp, { description: 'When the last of what freezes ends; null: when somebody ends the pin.' }),
  windows: Type.Array(Type.Object({ id: Id, name: Type.String(), reason: Type.String() })),
  bundle_pin: Nullable(
    Type.Object({
      bundle_id: Id,
      version: Type.String(),
      reason: Type.String(),
      until: Nullable(Timestamp, { description: 'null: until somebody ends it.' }),
    }),
    { description: 'The pinned bundle; null: none is.' },
  ),
});
export type Freeze = Static<typeof Freeze>;

export const FreezeWindowPage = Type.Object({
  freeze_windows: Type.Array(FreezeWindow, { description: 'By id.' }),
  freeze: Nullable(Freeze, { description: 'What is on now; null: nothing.' }),
});
export type FreezeWindowPage = Static<typeof FreezeWindowPage>;

const TimeZone = Type.String({
  minLength: 1,
  maxLength: 64,
  description: "an IANA name such as `Europe/Vienna`; default: the workspace's when the window is made",
});

export const CreateFreezeWindow = Type.Object(
  {
    name: Label(128),
    reason: Type.Optional(Prose(2000)),
    rule: FreezeRule,
    time_zone: Type.Optional(TimeZone),
    enabled: Type.Optional(Type.Boolean({ default: true })),
  },
  { additionalProperties: false },
);

/** What is left out stays. */
export const PutFreezeWindow = Type.Object(
  {
    name: Type.Optional(Label(128)),
    reason: Type.Optional(Prose(2000)),
    rule: Type.Optional(FreezeRule),
    time_zone: Type.Optional(TimeZone),
    enabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
