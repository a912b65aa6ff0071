import { type FreezeRule, type Weekday, weekdays } from '@policy-studio/contract';

export interface FreezeWindowRule {
  readonly rule: FreezeRule;
  /** IANA name. */
  readonly timeZone: string;
}

/** From the first millisecond that is frozen to the first that is not, in milliseconds since 1970. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Whether nothing may be activated or promoted at `now`. */
export function isFrozen(windows: readonly FreezeWindowRule[], now: Date): boolean {
  return windows.some((window) => spanAt(window, now) !== null);
}

/**
 * When a freeze that is on at `now` ends, windows that follow without a gap included; null: none is on. Of windows that
 * would freeze for ever, a time some weeks ahead.
 */
export function frozenUntil(windows: readonly FreezeWindowRule[], now: Date): Date | null {
  let untilMs = now.getTime();
  for (let turn = 0; turn < 40; turn += 1) {
    const at = new Date(untilMs);
    const ends = windows.map((window) => spanAt(window, at)?.toMs ?? untilMs);
    const last = Math.max(untilMs, ...ends);
    if (last === untilMs) break;
    untilMs = last;
  }
  return untilMs === now.getTime() ? null : new Date(untilMs);
}

/** The time the window is on, where `now` lies in it; the one that lasts longest, if two meet. */
export function spanAt(window: FreezeWindowRule, now: Date): Span | null {
  const nowMs = now.getTime();
  const on = spansAround(window, nowMs).filter(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
  return on.sort((a, b) => b.toMs - a.toMs)[0] ?? null;
}

/** The first time the window goes on after `now`; null: never again. */
export function spanAfter(window: FreezeWindowRule, now: Date): Span | null {
  const later = spansAround(window, now.getTime()).filter(({ fromMs }) => fromMs > now.getTime());
  return later.sort((a, b) => a.fromMs - b.fromMs)[0] ?? null;
}

/** Every time the window is on that is not over at `nowMs`, up to one that has not begun at least. */
function spansAround({ rule, timeZone }: FreezeWindowRule, nowMs: number): Span[] {
  const zone = zoneOf(timeZone);
  const localMs = nowMs + zone.offsetAt(nowMs);
  const spans: Span[] = [];
  // No clock is ever changed by a day, so that what lies farther away need not be looked up.
  for (const { from, to } of localSpans(rule, Math.floor(localMs / dayMs))) {
    if (to < localMs - dayMs) continue;
    const span = { fromMs: zone.first(from), toMs: zone.last(to) };
    // Of a time that clocks skip nothing may be left.
    if (span.fromMs >= span.toMs) continue;
    spans.push(span);
    if (span.fromMs > nowMs) break;
  }
  return spans;
}

/** Local times, as if they were UTC. */
interface LocalSpan {
  readonly from: number;
  readonly to: number;
}

/** The times around a local day, in days since 1970, in the order in which they begin: all that may touch it and the next. */
function localSpans(rule: FreezeRule, today: number): LocalSpan[] {
  switch (rule.type) {
    case 'daily': {
      const [from, to] = [timeMs(rule.from), timeMs(rule.to)];
      return daysAround(today, 2, 8)
        .filter((day) => rule.days.includes(weekdayOf(day)))
        .map((day) => ({ from: day * dayMs + from, to: (to > from ? day : day + 1) * dayMs + to }));
    }
    case 'weekly': {
      const [from, to] = [timeMs(rule.from.time), timeMs(rule.to.time)];
      const apart = (weekdays.indexOf(rule.to.day) - weekdays.indexOf(rule.from.day) + 7) % 7;
      const days = apart === 0 && to <= from ? 7 : apart;
      return daysAround(today, 8, 8)
        .filter((day) => weekdayOf(day) === rule.from.day)
        .map((day) => ({ from: day * dayMs + from, to: (day + days) * dayMs + to }));
    }
    case 'yearly': {
      const year = new Date(today * dayMs).getUTCFullYear();
      return [year - 1, year, year + 1].map((each) => {
        const last = rule.to < rule.from ? each + 1 : each;
        return { from: dateMs(each, rule.from), to: dateMs(last, rule.to) + dayMs };
      });
    }
    case 'dates':
      return [{ from: Date.parse(`${rule.from}Z`), to: Date.parse(`${rule.to}Z`) }];
  }
}

function daysAround(today: number, before: number, after: number): number[] {
  return Array.from({ length: before + after + 1 }, (_, index) => today - before + index);
}

/** Days since 1970; the first was a Thursday. */
function weekdayOf(day: number): Weekday {
  return weekdays[(((day + 4) % 7) + 7) % 7] as Weekday;
}

function timeMs(time: string): number {
  const [hours, minutes] = time.split(':').map(Number) as [number, number];
  return (hours * 60 + minutes) * minuteMs;
}

/** A day of a year as a local time; one that a month does not have is its last. */
function dateMs(year: number, monthDay: string): number {
  const [month, day] = monthDay.split('-').map(Number) as [number, number];
  const lastOfMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return Date.UTC(year, month - 1, Math.min(day, lastOfMonth));
}

/** A local time is given as if it were UTC. */
interface Zone {
  /** What local clocks are ahead of UTC. */
  offsetAt(atMs: number): number;
  /** The first moment at which clocks show the local time; one that they skip is as much later. */
  first(localMs: number): number;
  /** The last moment at which they do. */
  last(localMs: number): number;
}

/** Made once each: there are some hundred names. */
const zones = new Map<string, Zone>();

function zoneOf(timeZone: string): Zone {
  const zone = zones.get(timeZone) ?? readZone(timeZone);
  zones.set(timeZone, zone);
  return zone;
}

function readZone(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn-hc-h23', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const offsetAt = (atMs: number): number => {
    const whole = Math.floor(atMs / 1000) * 1000;
    const part = Object.fromEntries(format.formatToParts(whole).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  };
  const moments = (localMs: number): number[] => {
    const before = offsetAt(localMs - dayMs);
    const after = offsetAt(localMs + dayMs);
    const shown = [localMs - before, localMs - after].filter((atMs) => atMs + offsetAt(atMs) === localMs);
    // Skipped when clocks go forward: as the clocks from before would have it.
    return shown.length > 0 ? shown : [localMs - before];
  };
  return {
    offsetAt,
    first: (localMs) => Math.min(...moments(localMs)),
    last: (localMs) => Math.max(...moments(localMs)),
  };
}
