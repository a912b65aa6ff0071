import { Tooltip } from '@mantine/core';
import { momentText, relativeText, utcText } from './figures.js';
import { useNow } from './use-now.js';

interface TimeProps {
  /** RFC 3339. */
  readonly at: string;
  /** `moment`: Today 14:06 (default). `relative`: 5 min ago, in step with the clock. */
  readonly as?: 'moment' | 'relative';
}

/** A time in the zone of this browser; the exact UTC on hover and focus. `<Time at={bundle.created_at} as="relative" />` */
export function Time({ at, as = 'moment' }: TimeProps) {
  const date = new Date(at);
  const now = useNow(as === 'relative' ? 5_000 : 60_000);
  return (
    <Tooltip label={utcText(date)}>
      <time dateTime={at}>{as === 'relative' ? relativeText(date, now) : momentText(date, now)}</time>
    </Tooltip>
  );
}
