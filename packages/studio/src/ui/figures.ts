/** Numbers, spans and times as people read them. Pure; the locale is fixed, so that a figure reads the same everywhere. */

const locale = 'en-GB';
const noBreak = '\u00a0';
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const some = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const dollars = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const smallDollars = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  maximumSignificantDigits: 3,
});

/** `17,862`; at most two decimals. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? whole.format(value) : some.format(value);
}

/** A share of 1 as `30.4 %`; `digits` after the point, none for whole ones. */
export function percentText(share: number, digits = 1): string {
  const percent = share * 100;
  const text = Number.isInteger(percent) ? String(percent) : percent.toFixed(digits);
  return `${text}${noBreak}%`;
}

/** USD: `$168.20`, `$0.0138`. */
export function moneyText(usd: number): string {
  return usd !== 0 && Math.abs(usd) < 0.1 ? smallDollars.format(usd) : dollars.format(usd);
}

/** `1 rule`, `13 rules`; `plural` where adding an s will not do. */
export function countText(count: number, singular: string, plural = `${singular}s`): string {
  return `${numberText(count)} ${count === 1 ? singular : plural}`;
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** A span of time in its two largest units: `7 h 40 min`, `2 d 4 h`, `48 s`. Below a second: `0 s`. */
export function durationText(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  let first = -1;
  for (const [index, [unit, size]] of units.entries()) {
    const count = Math.floor(rest / size);
    if (count === 0 && !(unit === 's' && parts.length === 0)) continue;
    if (first === -1) first = index;
    if (index > first + 1) break;
    parts.push(`${count}${noBreak}${unit}`);
    rest -= count * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** `just now`, `5 min ago`, `in 3 h`: one unit, for what is read at a glance. */
export function relativeText(at: Date, now: Date): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const span = Math.abs(seconds);
  if (span < 5) return 'just now';
  const [unit, size] = units.find(([, length]) => span >= length) ?? units[units.length - 1]!;
  const text = `${Math.floor(span / size)}${noBreak}${unit}`;
  return seconds < 0 ? `${text} ago` : `in ${text}`;
}

const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const dayAndYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' });

/** In the zone of this browser: `today 14:06`, `21 Nov 22:00`, `3 Jan 2025 09:00`. */
export function momentText(at: Date, now: Date): string {
  const time = clock.format(at);
  if (dayAndYear.format(at) === dayAndYear.format(now)) return `today ${time}`;
  return `${at.getFullYear() === now.getFullYear() ? day.format(at) : dayAndYear.format(at)} ${time}`;
}

/** The exact moment: `2026-11-23 17:06:09 UTC`. */
export function utcText(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
