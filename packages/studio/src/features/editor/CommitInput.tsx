import { TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';

interface CommitInputProps {
  readonly label: string;
  readonly value: string;
  readonly mono?: boolean;
  readonly disabled: boolean;
  /** Takes what was typed, on Enter or on leaving; false: it does not fit, and stays marked until it does. */
  readonly onCommit: (text: string) => boolean;
}

/** A text that counts once it is finished: half a number is not a value yet. Escape takes it back. */
export function CommitInput({ label, value, mono = false, disabled, onCommit }: CommitInputProps) {
  const [text, setText] = useState(value);
  const [refused, setRefused] = useState(false);
  useEffect(() => {
    setText(value);
    setRefused(false);
  }, [value]);
  const commit = (): void => {
    setRefused(text !== value && !onCommit(text));
  };
  return (
    <TextInput
      aria-label={label}
      variant="filled"
      size="xs"
      classNames={mono ? { input: 'mono' } : {}}
      disabled={disabled}
      value={text}
      error={refused ? 'This does not fit here' : null}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
        if (event.key === 'Escape') {
          setText(value);
          setRefused(false);
        }
      }}
    />
  );
}
