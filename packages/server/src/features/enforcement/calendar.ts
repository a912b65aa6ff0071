const quarterMs = 15 * 60_000;

/**
 * The calendar day in a time zone, `2026-03-01`, for a time in milliseconds since 1970. Fast when asked again and again:
 * a day never changes within a quarter of an hour that starts on one.
 */
export function calendarIn(timeZone: string): (nowMs: number) => string {
  // The Swedish form of a date is the ISO one.
  const format = new Intl.DateTimeFormat('sv-SE-u-ca-gregory-nu-latn', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  let quarter = Number.NaN;
  let day = '';
  return (nowMs) => {
    const current = Math.floor(nowMs / quarterMs);
    if (current !== quarter) {
      day = format.format(nowMs);
      quarter = current;
    }
    return day;
  };
}

/** When a calendar day begins (included) and ends (not), in milliseconds since 1970. */
export interface DayBounds {
  readonly beginsMs: number;
  readonly endsMs: number;
}

/** The bounds of the calendar day that holds a time, in the zone of `calendarDay`; days may have 23 or 25 hours. */
export function dayBoundsIn(calendarDay: (nowMs: number) => string): (nowMs: number) => DayBounds {
  let known: DayBounds = { beginsMs: 0, endsMs: 0 };
  return (nowMs) => {
    if (nowMs < known.beginsMs || nowMs >= known.endsMs) {
      const today = calendarDay(nowMs);
      known = {
        beginsMs: firstQuarter(nowMs - longestDayMs, nowMs, (atMs) => calendarDay(atMs) >= today),
        endsMs: firstQuarter(nowMs, nowMs + longestDayMs, (atMs) => calendarDay(atMs) > today),
      };
    }
    return known;
  };
}

const longestDayMs = 30 * 3_600_000;

/** The first quarter of an hour after `fromMs` of which `holds` is true, as it is of all that follow up to `toMs`. */
function firstQuarter(fromMs: number, toMs: number, holds: (atMs: number) => boolean): number {
  let [low, high] = [Math.floor(fromMs / quarterMs), Math.floor(toMs / quarterMs)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle * quarterMs)) high = middle;
    else low = middle;
  }
  return high * quarterMs;
}
