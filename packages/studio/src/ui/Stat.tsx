import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Stat.module.css';

interface StatProps {
  readonly label: ReactNode;
  /** With its unit. */
  readonly value: ReactNode;
  readonly note?: ReactNode;
  /** `headline`: 24/32, else 20/28. */
  readonly size?: 'headline';
}

/** A figure with its label above and what it means below. `<Stat label="Denied" value="24.8 %" note="4,430" />` */
export function Stat({ label, value, note, size }: StatProps) {
  return (
    <div className={classes.stat}>
      <dt className={classes.label}>{label}</dt>
      <dd className={classes.value} data-size={size}>
        {value}
      </dd>
      {note === undefined ? null : (
        <Text component="dd" size="xs" c="dimmed" className={classes.note}>
          {note}
        </Text>
      )}
    </div>
  );
}

/** Stats side by side, as many as there is room for. */
export function Stats({ children }: { readonly children: ReactNode }) {
  return <dl className={classes.stats}>{children}</dl>;
}
