import { type ColourName, colour } from '../theme/colours.js';
import classes from './looks.module.css';

export type BundleStatus = 'draft' | 'shadow' | 'canary' | 'active' | 'superseded' | 'rolled_back' | 'archived';

interface StatusLook {
  readonly word: string;
  readonly text: ColourName;
  readonly tint: ColourName;
}

const calm = { text: 'secondary', tint: 'fill' } as const;
const bundleLooks: Readonly<Record<BundleStatus, StatusLook>> = {
  draft: { word: 'Draft', ...calm },
  shadow: { word: 'Shadow', text: 'accent', tint: 'accent-tint' },
  canary: { word: 'Canary', text: 'accent', tint: 'accent-tint' },
  active: { word: 'In force', text: 'allow', tint: 'allow-tint' },
  superseded: { word: 'Superseded', ...calm },
  rolled_back: { word: 'Rolled back', text: 'deny', tint: 'deny-tint' },
  archived: { word: 'Archived', ...calm },
};

/** Where a bundle stands; a canary says its share. `<BundleStatusPill status="canary" trafficPct={10} />` */
export function BundleStatusPill({
  status,
  trafficPct,
}: {
  readonly status: BundleStatus;
  readonly trafficPct: number;
}) {
  const { word, text, tint } = bundleLooks[status];
  return <Pill text={text} tint={tint} word={status === 'canary' ? `Canary at ${trafficPct} %` : word} />;
}

/** A word on a tint. */
export function Pill({ word, text, tint }: StatusLook) {
  return (
    <span className={classes.pill} style={{ color: colour(text), backgroundColor: colour(tint) }}>
      {word}
    </span>
  );
}
