import { sha256Hex } from '../digest.js';
import type { Effect } from '../generated/rule.js';

/** How many approvals of actions two policies ask of people, from requests that were recorded. */
export interface ApprovalForecast {
  readonly before_per_day: number;
  readonly after_per_day: number;
  /** After less before. */
  readonly added_per_day: number;
  /** Requests that both policies decided. */
  readonly records: number;
  /** All that were recorded in that time. */
  readonly of: number;
  /** The time they span; what spans less than a day counts as one. */
  readonly days: number;
  /** For people: `this change adds 12 approvals a day (38 instead of 26), by ...`. */
  readonly sentence: string;
}

export interface ApprovalForecaster {
  /**
   * Counts one request by what both policies say to it. `atMs` is when it was made; `request` tells it from others: the
   * same within a day (UTC) is taken to join the approval that waits, as an enforcement point asks again and again.
   */
  add(one: { readonly atMs: number; readonly request: string }, before: Effect, after: Effect): void;
  /** Of what was added; null when that was nothing. `of`: how many were recorded, also those not added. */
  report(of: number): ApprovalForecast | null;
}

const dayMs = 24 * 3600 * 1000;
/** Longer texts are told apart by their digest. */
const shortChars = 64;

export function createApprovalForecaster(): ApprovalForecaster {
  const [before, after] = [createCount(), createCount()];
  let records = 0;
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    add({ atMs, request }, from, to) {
      records += 1;
      firstMs = Math.min(firstMs, atMs);
      lastMs = Math.max(lastMs, atMs);
      if (from !== 'needs_approval' && to !== 'needs_approval') return;
      const asked = `${Math.floor(atMs / dayMs)} ${request.length <= shortChars ? request : sha256Hex(request)}`;
      if (from === 'needs_approval') before.add(asked);
      if (to === 'needs_approval') after.add(asked);
    },
    report(of) {
      if (records === 0) return null;
      const span = { records, of, days: Math.max(1, (lastMs - firstMs) / dayMs) };
      return forecast(before.count(), after.count(), span, lastMs - firstMs);
    },
  };
}

function createCount(): { add(asked: string): void; count(): number } {
  const seen = new Set<string>();
  return { add: (asked) => void seen.add(asked), count: () => seen.size };
}

type Span = Pick<ApprovalForecast, 'records' | 'of' | 'days'>;

function forecast(before: number, after: number, { records, of, days }: Span, spanMs: number): ApprovalForecast {
  const [beforePerDay, afterPerDay] = [before / days, after / days];
  const added = (after - before) / days;
  const share = records === of ? count(of) : `${count(records)} of ${count(of)}`;
  const time = spanMs < dayMs ? `${lasting(spanMs)}, taken for a day` : `${rounded(days)} days`;
  const basis = `by ${share} ${of === 1 ? 'request' : 'requests'} recorded in ${time}`;
  const rates = `${rounded(afterPerDay)} instead of ${rounded(beforePerDay)}`;
  return {
    before_per_day: beforePerDay,
    after_per_day: afterPerDay,
    added_per_day: added,
    records,
    of,
    days,
    sentence:
      before === after
        ? `this change adds no approvals (${rounded(afterPerDay)} a day as before), ${basis}`
        : `this change ${added > 0 ? 'adds' : 'saves'} ${rounded(Math.abs(added))} ${Math.abs(added) === 1 ? 'approval' : 'approvals'} a day (${rates}), ${basis}`,
  };
}

function lasting(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours >= 1) return `${rounded(hours)} ${rounded(hours) === '1' ? 'hour' : 'hours'}`;
  const minutes = Math.max(1, Math.round(ms / 60_000));
  return `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
}

/** Three digits that say something are enough for people: `0.143`, `1.5`, `1,234`. */
function rounded(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return count(Math.round(value));
  return String(Number(value.toPrecision(2 + (value >= 10 ? 1 : 0))));
}

function count(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
