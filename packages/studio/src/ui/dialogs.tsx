import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { sentence } from './states.js';

interface DialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  /** The question: "Roll back 2.2.0?" */
  readonly title: string;
  /** What will happen. */
  readonly children: ReactNode;
  /** The verb on the button: "Roll back". */
  readonly verb: string;
  readonly destructive?: boolean;
  /** While the server works on it. */
  readonly busy?: boolean;
  /** In the server's words, when it refused. */
  readonly fault?: string | null;
}

interface ReasonDialogProps extends DialogProps {
  readonly label?: string;
  readonly placeholder?: string;
  /** The fewest characters that say something (default 10). */
  readonly minLength?: number;
  readonly onConfirm: (reason: string) => void;
}

/** Asks before something that cannot simply be undone. */
export function ConfirmDialog(props: DialogProps & { readonly onConfirm: () => void }) {
  const { opened, onClose, title, children, onConfirm } = props;
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <Stack gap="md">
        <Text component="div">{children}</Text>
        <Buttons {...props} disabledBecause={null} onConfirm={onConfirm} />
      </Stack>
    </Modal>
  );
}

/** As ConfirmDialog, and takes the reason that is kept with it. */
export function ReasonDialog(props: ReasonDialogProps) {
  const { opened, onClose, title, children, label = 'Reason', placeholder, minLength = 10, onConfirm } = props;
  const [reason, setReason] = useState('');
  const missing = minLength - reason.trim().length;
  const disabledBecause = missing > 0 ? `The reason needs ${missing} more characters` : null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (disabledBecause === null) onConfirm(reason.trim());
  };
  return (
    <Modal opened={opened} onClose={onClose} title={title} onExitTransitionEnd={() => setReason('')}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text component="div">{children}</Text>
          <Textarea
            label={label}
            description={`Kept in the audit trail; at least ${minLength} characters`}
            placeholder={placeholder ?? ''}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            autosize
            minRows={2}
            maxLength={2000}
            data-autofocus
            required
          />
          <Buttons {...props} disabledBecause={disabledBecause} submits />
        </Stack>
      </form>
    </Modal>
  );
}

interface ButtonsProps extends Omit<DialogProps, 'opened' | 'title' | 'children'> {
  readonly disabledBecause: string | null;
  readonly submits?: boolean;
  readonly onConfirm?: unknown;
}

function Buttons(props: ButtonsProps) {
  const {
    onClose,
    verb,
    destructive = false,
    busy = false,
    fault,
    disabledBecause,
    submits = false,
    onConfirm,
  } = props;
  return (
    <>
      {fault ? (
        <Text c="var(--ps-error)" role="alert">
          {sentence(fault)}
        </Text>
      ) : null}
      <Group justify="flex-end" gap={8}>
        {disabledBecause ? (
          <Text size="xs" c="dimmed" style={{ flex: 1 }}>
            {disabledBecause}
          </Text>
        ) : null}
        <Button onClick={onClose}>Cancel</Button>
        <Button
          variant="filled"
          color={destructive ? 'red' : 'indigo'}
          type={submits ? 'submit' : 'button'}
          loading={busy}
          disabled={disabledBecause !== null}
          {...(submits ? {} : { onClick: onConfirm as () => void })}
        >
          {verb}
        </Button>
      </Group>
    </>
  );
}
