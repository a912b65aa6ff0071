import { Box, Group, Text, Title, VisuallyHidden } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Page.module.css';
import { usePageTitle } from './page-title.js';

interface PageProps {
  /** The heading, the document's name and the end of the path in the top bar. */
  readonly title: string;
  /** The top bar says it already and there is nothing to do beside it: the heading is only heard. */
  readonly hideTitle?: boolean;
  /** Beside the title: a pill, a line of meta. */
  readonly meta?: ReactNode;
  /** At the right of the title; at most one of them filled. */
  readonly actions?: ReactNode;
  /** Second column, 312 wide, below the first where there is no room for two. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A page: its heading, its content, and an aside where it has one. */
export function Page({ title, hideTitle = false, meta, actions, aside, children }: PageProps) {
  usePageTitle(title);
  return (
    <Box className={classes.page}>
      {hideTitle ? (
        <VisuallyHidden component="h1">{title}</VisuallyHidden>
      ) : (
        <Group className={classes.header} gap="sm" wrap="wrap">
          <Title order={1} className={classes.title}>
            {title}
          </Title>
          {meta ? <div className={classes.meta}>{meta}</div> : null}
          {actions ? <Group gap={8}>{actions}</Group> : null}
        </Group>
      )}
      {aside ? (
        <div className={classes.columns}>
          <div className={classes.main}>{children}</div>
          <aside className={classes.aside}>{aside}</aside>
        </div>
      ) : (
        children
      )}
    </Box>
  );
}

interface SectionProps {
  readonly title?: string;
  /** A quiet line after the title. */
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  /** Without the hairline above: the first of a column. */
  readonly first?: boolean;
  readonly children: ReactNode;
}

/** A region of a page, parted from what is above it by a hairline. */
export function Section({ title, note, actions, first = false, children }: SectionProps) {
  return (
    <section className={classes.section} data-first={first || undefined}>
      {title === undefined ? null : (
        <Group className={classes.sectionHeader} justify="space-between" gap="sm">
          <Group gap={8} align="baseline">
            <Title order={2} className={classes.sectionTitle}>
              {title}
            </Title>
            {note ? (
              <Text size="xs" c="dimmed">
                {note}
              </Text>
            ) : null}
          </Group>
          {actions}
        </Group>
      )}
      {children}
    </section>
  );
}
