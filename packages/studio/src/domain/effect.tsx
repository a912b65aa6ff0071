import { IconBan, IconCircleCheckFilled, IconCircleDashed, IconHandStop } from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { type ColourName, colour } from '../theme/colours.js';
import classes from './looks.module.css';

/** What a rule or a default says; `null` where nothing matched. */
export type EffectName = 'allow' | 'deny' | 'needs_approval';

interface EffectLook {
  readonly word: string;
  readonly colour: ColourName;
  readonly tint: ColourName;
  readonly Icon: ComponentType<{ size?: number; color?: string; 'aria-hidden'?: boolean }>;
}

/** Each with an outline of its own, so that they read in grey. */
export const effectLooks: Readonly<Record<EffectName | 'no_match', EffectLook>> = {
  allow: { word: 'Allow', colour: 'allow', tint: 'allow-tint', Icon: IconCircleCheckFilled },
  deny: { word: 'Deny', colour: 'deny', tint: 'deny-tint', Icon: IconBan },
  needs_approval: { word: 'Needs approval', colour: 'approval', tint: 'approval-tint', Icon: IconHandStop },
  no_match: { word: 'No match', colour: 'no-match', tint: 'no-match-tint', Icon: IconCircleDashed },
};

interface EffectProps {
  readonly effect: EffectName | null;
  /** `text` (default), `pill` for the one answer that counts, `icon` where the word stands elsewhere. */
  readonly as?: 'text' | 'pill' | 'icon';
}

/** An effect as icon and word. `<Effect effect="deny" as="pill" />` */
export function Effect({ effect, as = 'text' }: EffectProps) {
  const { word, colour: shade, tint, Icon } = effectLooks[effect ?? 'no_match'];
  if (as === 'icon') {
    return (
      <span className={classes.icon} role="img" aria-label={word}>
        <Icon size={16} color={colour(shade)} aria-hidden />
      </span>
    );
  }
  return (
    <span
      className={classes.effect}
      data-pill={as === 'pill' || undefined}
      style={{ color: colour(shade), ...(as === 'pill' ? { backgroundColor: colour(tint) } : {}) }}
    >
      <Icon size={16} aria-hidden />
      {word}
    </span>
  );
}
