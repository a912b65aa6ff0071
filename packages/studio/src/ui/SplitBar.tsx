import { type ColourName, colour } from '../theme/colours.js';
import classes from './SplitBar.module.css';

export interface Share {
  readonly name: string;
  /** Of the whole; the shares are scaled to their sum. */
  readonly value: number;
  readonly colour: ColourName;
}

/** Shares of one whole as a thin bar. Read aloud as its `label`, which says the figures. */
export function SplitBar({ shares, label }: { readonly shares: readonly Share[]; readonly label: string }) {
  return (
    <div className={classes.bar} role="img" aria-label={label}>
      {shares
        .filter(({ value }) => value > 0)
        .map(({ name, value, colour: shade }) => (
          <span key={name} style={{ flexGrow: value, backgroundColor: colour(shade) }} />
        ))}
    </div>
  );
}
