import { Tooltip } from '@mantine/core';
import { useLiveState } from '../api/live.js';
import classes from './LiveIndicator.module.css';

const looks = {
  connected: { word: 'Live', says: 'Changes arrive as they are made' },
  connecting: { word: 'Connecting', says: 'The stream of changes is being opened' },
  reconnecting: {
    word: 'Reconnecting',
    says: 'The stream of changes broke off; it is tried again, and nothing is missed',
  },
  off: { word: 'Not live', says: 'The stream of changes is closed; reload the page to open it again' },
} as const;

/** Whether changes arrive by themselves. */
export function LiveIndicator() {
  const state = useLiveState();
  const { word, says } = looks[state];
  return (
    <Tooltip label={says}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what it means shows on focus too */}
      <span className={classes.live} data-state={state} role="status" tabIndex={0}>
        <span className={classes.dot} aria-hidden />
        <span className={classes.word}>{word}</span>
      </span>
    </Tooltip>
  );
}
