import { Fragment } from 'react';
import { Effect } from './effect.js';
import classes from './RuleSentence.module.css';
import { type Piece, ruleSentence, type SentenceRule } from './rule-sentence.js';

/** A rule in words. What its conditions mean must be known for that; else it says that it is not. */
export function RuleSentence({ rule }: { readonly rule: SentenceRule }) {
  const pieces = ruleSentence(rule);
  return (
    <p className={classes.sentence}>
      <Effect effect={rule.effect} />{' '}
      {pieces === null ? (
        <span className={classes.unknown}>when conditions hold that cannot be read; see the findings.</span>
      ) : (
        <Pieces pieces={pieces} />
      )}
    </p>
  );
}

/** Parts of a sentence, each in its look. */
export function Pieces({ pieces }: { readonly pieces: readonly Piece[] }) {
  return pieces.map(({ kind, text }, index) => {
    // Pieces of one sentence have no names and never move.
    const key = `${index} ${kind}`;
    if (kind === 'field') {
      return (
        <code key={key} className={classes.field}>
          {text}
        </code>
      );
    }
    if (kind === 'text') return <Fragment key={key}>{text}</Fragment>;
    return <strong key={key}>{text}</strong>;
  });
}
