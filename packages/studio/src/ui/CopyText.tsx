import { ActionIcon, CopyButton, Group, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import classes from './CopyText.module.css';

interface CopyTextProps {
  readonly text: string;
  /** What is shown where the whole is too long. */
  readonly shown?: string;
  /** What it is, for the button's name: "digest". */
  readonly what: string;
}

/** Something in mono that people take elsewhere. `<CopyText what="digest" text={digest} shown={digest.slice(0, 12)} />` */
export function CopyText({ text, shown = text, what }: CopyTextProps) {
  return (
    <Group gap={4} wrap="nowrap" component="span" display="inline-flex">
      <Tooltip label={text} disabled={shown === text}>
        <code className={classes.text}>{shown}</code>
      </Tooltip>
      <CopyButton value={text} timeout={1500}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : `Copy ${what}`}>
            <ActionIcon size={24} onClick={copy} aria-label={copied ? 'Copied' : `Copy ${what}`}>
              {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  );
}
