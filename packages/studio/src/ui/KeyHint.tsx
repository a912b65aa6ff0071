import { Kbd } from '@mantine/core';
import classes from './KeyHint.module.css';

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** The keys of a shortcut as this machine names them: `<KeyHint keys="mod+K" />` is Ctrl K, or ⌘ K on a Mac. */
export function KeyHint({ keys }: { readonly keys: string }) {
  const text = keys
    .split('+')
    .map((key) => (key === 'mod' ? (isMac ? '⌘' : 'Ctrl') : key))
    .join(' ');
  return (
    <Kbd className={classes.keys} size="xs">
      {text}
    </Kbd>
  );
}
