import type { ClockFacts } from '../facts.js';
import type { Random } from './random.js';

const hourMs = 3_600_000;
const weekHours = 7 * 24;
/** 2026-01-05, a Monday. */
const firstMonday = Date.UTC(2026, 0, 5);

/** Makes clock facts that belong together, in a week that the seed chooses; UTC. The clock is never asked. */
export interface ClockSampler {
  /** Facts that meet as much of what is asked as any hour of the week does, chosen among those hours. */
  sample(fits: readonly ((facts: ClockFacts) => boolean)[], random: Random): ClockFacts;
  /** The facts at an instant; those of the week's beginning when the text is none. */
  at(instant: string): ClockFacts;
}

export function createClockSampler(seed: number): ClockSampler {
  const weekStart = firstMonday + (Math.abs(seed) % 52) * weekHours * hourMs;
  const hours = Array.from({ length: weekHours }, (_, hour) => clockAt(weekStart + hour * hourMs));
  return {
    sample: (fits, random) => {
      let best: readonly ClockFacts[] = hours;
      if (fits.length > 0) {
        const counts = hours.map((each) => fits.reduce((sum, fit) => sum + (fit(each) ? 1 : 0), 0));
        const most = Math.max(...counts);
        best = hours.filter((_, i) => counts[i] === most);
      }
      const hour = random.pick(best);
      return { ...hour, now: new Date(Date.parse(hour.now) + random.below(hourMs)).toISOString() };
    },
    at: (instant) => {
      const ms = Date.parse(instant);
      return clockAt(Number.isNaN(ms) ? weekStart : ms);
    },
  };
}

const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** `clockFacts` in UTC, without waking up the platform's calendars. */
function clockAt(ms: number): ClockFacts {
  const date = new Date(ms);
  const day = days[date.getUTCDay()] as string;
  return {
    now: date.toISOString(),
    current_hour: date.getUTCHours(),
    day_of_week: day,
    is_weekend: day === 'saturday' || day === 'sunday',
  };
}
