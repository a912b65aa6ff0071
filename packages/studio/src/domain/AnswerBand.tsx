import type { ReactNode } from 'react';
import { colour } from '../theme/colours.js';
import { Quoted } from '../ui/Quoted.js';
import classes from './AnswerBand.module.css';
import { type EffectName, effectLooks } from './effect.js';

interface AnswerBandProps {
  readonly effect: EffectName;
  readonly reason: string;
  /** Beside it, quietly: how long it took, which rule. */
  readonly note?: ReactNode;
}

/** The one answer that counts, on its tint. */
export function AnswerBand({ effect, reason, note }: AnswerBandProps) {
  const { word, Icon, colour: shade, tint } = effectLooks[effect];
  return (
    <div className={classes.band} style={{ backgroundColor: colour(tint) }} role="status">
      <div className={classes.first}>
        <span className={classes.word} style={{ color: colour(shade) }}>
          <Icon size={18} aria-hidden /> {word}
        </span>
        {note ? <span className={classes.note}>{note}</span> : null}
      </div>
      <p className={classes.reason}>
        <Quoted text={reason} />
      </p>
    </div>
  );
}
