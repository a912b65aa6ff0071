import { Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { IconAlertOctagon, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { colour } from '../theme/colours.js';
import classes from './states.module.css';

interface EmptyStateProps {
  readonly icon: ReactNode;
  /** What is so: "No bundles yet". */
  readonly title: string;
  /** What to do next. */
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

/** In place of a list that holds nothing: what that means and what to do next. */
export function EmptyState({ icon, title, children, action }: EmptyStateProps) {
  return (
    <Stack className={classes.state} align="center" gap={4}>
      <span className={classes.icon}>{icon}</span>
      <Text fw={600} size="md">
        {title}
      </Text>
      {children ? (
        <Text c="dimmed" ta="center" maw={440} component="div">
          {children}
        </Text>
      ) : null}
      {action ? <Group mt="sm">{action}</Group> : null}
    </Stack>
  );
}

interface ErrorStateProps {
  /** What could not be done: "The bundles could not be read". */
  readonly title: string;
  /** In the server's words. */
  readonly detail: string;
  /** Finds the answer in the server's log. */
  readonly requestId?: string | null;
  readonly onRetry?: () => void;
}

/** In place of what could not be read, with the server's words and a way to try again. */
export function ErrorState({ title, detail, requestId, onRetry }: ErrorStateProps) {
  return (
    <Stack className={classes.state} align="center" gap={4} role="alert">
      <IconAlertOctagon size={28} color={colour('error')} aria-hidden />
      <Text fw={600} size="md">
        {title}
      </Text>
      <Text c="dimmed" ta="center" maw={520}>
        {sentence(detail)}
      </Text>
      {requestId ? (
        <Text size="xs" c="dimmed">
          In the server log: <code>{requestId}</code>
        </Text>
      ) : null}
      {onRetry ? (
        <Button mt="sm" leftSection={<IconRefresh size={16} />} onClick={onRetry}>
          Try again
        </Button>
      ) : null}
    </Stack>
  );
}

/** The server's details are clauses: begin them as a sentence and end them as one. */
export function sentence(detail: string): string {
  const text = detail.replaceAll('`', '');
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Rows that are on their way, in the height they will have. */
export function RowSkeletons({ rows = 6, height = 43 }: { readonly rows?: number; readonly height?: number }) {
  return (
    <div aria-hidden>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: all alike, never reordered
        <div key={index} className={classes.row} style={{ height }}>
          <Skeleton height={10} width={`${[34, 52, 41, 60, 46][index % 5]}%`} radius="sm" />
          <Skeleton height={10} width={64} radius="sm" />
        </div>
      ))}
    </div>
  );
}
