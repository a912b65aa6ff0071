import { IconAlertOctagonFilled, IconAlertTriangleFilled, IconInfoCircle } from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { type ColourName, colour } from '../theme/colours.js';
import { countText } from '../ui/figures.js';
import classes from './looks.module.css';

export type Severity = 'error' | 'warning' | 'info';

interface SeverityLook {
  readonly singular: string;
  readonly plural: string;
  readonly colour: ColourName;
  readonly Icon: ComponentType<{ size?: number; color?: string; 'aria-hidden'?: boolean }>;
}

/** Octagon, triangle, circled i: another family of shapes than effects. */
export const severityLooks: Readonly<Record<Severity, SeverityLook>> = {
  error: { singular: 'error', plural: 'errors', colour: 'error', Icon: IconAlertOctagonFilled },
  warning: { singular: 'warning', plural: 'warnings', colour: 'warning', Icon: IconAlertTriangleFilled },
  info: { singular: 'note', plural: 'notes', colour: 'note', Icon: IconInfoCircle },
};

/** The mark of one severity. */
export function SeverityMark({ severity, size = 16 }: { readonly severity: Severity; readonly size?: number }) {
  const { singular, colour: shade, Icon } = severityLooks[severity];
  return (
    <span className={classes.icon} role="img" aria-label={singular}>
      <Icon size={size} color={colour(shade)} aria-hidden />
    </span>
  );
}

interface FindingCountsProps {
  readonly errors: number;
  readonly warnings: number;
  readonly info: number;
}

/** How many findings of each kind: marks with figures, "No findings" when there are none. */
export function FindingCounts({ errors, warnings, info }: FindingCountsProps) {
  const counts = [
    ['error', errors],
    ['warning', warnings],
    ['info', info],
  ] as const;
  if (errors + warnings + info === 0) return <span className={classes.none}>No findings</span>;
  return (
    <span className={classes.counts}>
      {counts.map(([severity, count]) => {
        if (count === 0) return null;
        const { singular, plural, colour: shade, Icon } = severityLooks[severity];
        return (
          <span key={severity} className={classes.count} role="img" aria-label={countText(count, singular, plural)}>
            <Icon size={14} color={colour(shade)} aria-hidden />
            <span aria-hidden>{count}</span>
          </span>
        );
      })}
    </span>
  );
}
