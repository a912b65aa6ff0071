/** What a fact is, as docs/language.md tables it. */
export interface FactDefinition {
  readonly name: string;
  readonly type: 'string' | 'number' | 'integer' | 'boolean';
  readonly scope: readonly ('all' | 'workspace' | 'agent' | 'session')[];
  readonly reset: 'never' | 'rolling' | 'midnight' | null;
  /** The values it can take: an enumeration, or bounds where there are any. */
  readonly domain: { readonly values?: readonly string[]; readonly minimum?: number; readonly maximum?: number };
  /** What a condition reads when the value is not known. */
  readonly unknown: 'never unknown' | 'missing';
}

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/** The fields that only the server sets. */
export const facts: readonly FactDefinition[] = [
  { name: 'now', type: 'string', scope: ['all'], reset: null, domain: {}, unknown: 'never unknown' },
  {
    name: 'current_hour',
    type: 'integer',
    scope: ['workspace'],
    reset: null,
    domain: { minimum: 0, maximum: 23 },
    unknown: 'never unknown',
  },
  {
    name: 'day_of_week',
    type: 'string',
    scope: ['workspace'],
    reset: null,
    domain: { values: [...weekdays.slice(1), 'sunday'] },
    unknown: 'never unknown',
  },
  { name: 'is_weekend', type: 'boolean', scope: ['workspace'], reset: null, domain: {}, unknown: 'never unknown' },
  {
    name: 'error_rate_5min',
    type: 'number',
    scope: ['agent'],
    reset: 'rolling',
    domain: { minimum: 0, maximum: 1 },
    unknown: 'missing',
  },
  { name: 'circuit_open', type: 'boolean', scope: ['agent'], reset: 'rolling', domain: {}, unknown: 'missing' },
  {
    name: 'daily_spend',
    type: 'number',
    scope: ['workspace', 'agent'],
    reset: 'midnight',
    domain: { minimum: 0 },
    unknown: 'missing',
  },
  {
    name: 'session_spend',
    type: 'number',
    scope: ['session'],
    reset: 'never',
    domain: { minimum: 0 },
    unknown: 'missing',
  },
  {
    name: 'calls_last_hour',
    type: 'integer',
    scope: ['agent', 'session'],
    reset: 'rolling',
    domain: { minimum: 0 },
    unknown: 'missing',
  },
  {
    name: 'budget_used_pct',
    type: 'number',
    scope: ['workspace', 'agent', 'session'],
    reset: 'midnight',
    domain: { minimum: 0 },
    unknown: 'missing',
  },
  {
    name: 'budget_exhausted',
    type: 'boolean',
    scope: ['workspace', 'agent', 'session'],
    reset: 'midnight',
    domain: {},
    unknown: 'missing',
  },
];

const names: ReadonlySet<string> = new Set(facts.map(({ name }) => name));

/** Whether a top-level context field is a fact. */
export function isFact(field: string): boolean {
  return names.has(field);
}

/** The context without a live caller's values for facts, and the names of those; the same object when there are none. */
export function withoutFacts(context: Readonly<Record<string, unknown>>): {
  context: Readonly<Record<string, unknown>>;
  discarded: string[];
} {
  const discarded = facts.map(({ name }) => name).filter((name) => Object.hasOwn(context, name));
  if (discarded.length === 0) return { context, discarded };
  // fromEntries defines properties, so a field called `__proto__` stays one.
  return { context: Object.fromEntries(Object.entries(context).filter(([name]) => !names.has(name))), discarded };
}

export interface ClockFacts {
  now: string;
  current_hour: number;
  day_of_week: string;
  is_weekend: boolean;
}

/** The clock's facts at a time (milliseconds since 1970) in a zone. Throws a RangeError when the zone is unknown. */
export function clockFacts(nowMs: number, timeZone: string): ClockFacts {
  return clockIn(timeZone)(nowMs);
}

/** `clockFacts` for one zone, fast when asked again and again. Throws a RangeError when the zone is unknown. */
export function clockIn(timeZone: string): (nowMs: number) => ClockFacts {
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    hour: '2-digit',
    weekday: 'long',
  });
  // Since 1972 every zone is a whole number of quarters of an hour from UTC and changes on one.
  const quarterMs = 15 * 60_000;
  let quarter = Number.NaN;
  let local = { current_hour: 0, day_of_week: '', is_weekend: false };
  return (nowMs) => {
    const now = new Date(nowMs).toISOString();
    if (Math.floor(nowMs / quarterMs) !== quarter) {
      const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
      const day = parts.get('weekday')?.toLowerCase() ?? '';
      local = {
        current_hour: Number(parts.get('hour')),
        day_of_week: day,
        is_weekend: day === 'saturday' || day === 'sunday',
      };
      quarter = Math.floor(nowMs / quarterMs);
    }
    return { now, ...local };
  };
}

/** Whether the name is an IANA time zone this platform knows (offsets such as `+01:00` are not). */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
