import { Anchor, Button, Code, Group, Text } from '@mantine/core';
import {
  IconChevronLeft,
  IconChevronRight,
  IconListSearch,
  IconPlayerPause,
  IconPlayerPlay,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import type { Answer } from '../../api/client.js';
import type { DecisionFilter } from '../../api/decision-filter.js';
import { decisionsQuery } from '../../api/queries/decisions.js';
import { faultOf } from '../../api/query-client.js';
import { Effect } from '../../domain/effect.js';
import { paths } from '../../paths.js';
import { columnsOf, DataTable } from '../../ui/DataTable.js';
import { countText } from '../../ui/figures.js';
import { Page } from '../../ui/Page.js';
import { EmptyState, ErrorState } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';
import { DecisionFilters } from './DecisionFilters.js';
import classes from './DecisionsPage.module.css';
import { narrows } from './decision-search.js';

type Decision = Answer<'decisions', 'listDecisions'>['decisions'][number];

const column = columnsOf<Decision>();
const columns = column.columns([
  column.accessor('created_at', {
    header: 'When',
    cell: ({ row: { original } }) => (
      <Anchor
        c="var(--ps-ink)"
        underline="hover"
        className="figures"
        renderRoot={(props) => <Link to={paths.decision} params={{ decisionId: original.decision_id }} {...props} />}
      >
        <Time at={original.created_at} as="relative" />
      </Anchor>
    ),
  }),
  column.accessor('effect', {
    header: 'Answer',
    cell: ({ getValue }) => <Effect effect={getValue()} />,
  }),
  column.accessor('agent', {
    header: 'Agent and action',
    cell: ({ row: { original } }) => (
      <span className={classes.request}>
        <span>{original.agent}</span> <strong>{original.action}</strong>
      </span>
    ),
  }),
  column.accessor('reason', {
    header: 'Reason',
    cell: ({ row: { original } }) => (
      <span className="one-line">{original.default ? 'No rule matches: the default effect' : original.reason}</span>
    ),
    meta: { grow: true, hideBelow: 900 },
  }),
  column.accessor('matched_rule', {
    header: 'Rule',
    cell: ({ getValue }) => getValue() ?? <Effect effect={null} />,
    meta: { hideBelow: 1200 },
  }),
  column.accessor('bundle', {
    header: 'Bundle',
    cell: ({ row: { original } }) => <BundleOf decision={original} />,
    meta: { hideBelow: 640 },
  }),
  column.accessor('outcome', {
    header: 'Outcome',
    cell: ({ getValue }) => <OutcomeWord outcome={getValue()} />,
    meta: { align: 'right', hideBelow: 900 },
  }),
]);

/** What was decided, newest first, as it happens. */
export default function DecisionsPage() {
  const filter = useSearch({ from: '/shell/decisions' });
  const navigate = useNavigate();
  const [paused, setPaused] = useState(false);
  const [reading, setReading] = useState(false);
  const newest = filter.before === undefined;
  const { data, error, isPlaceholderData, refetch } = useQuery(decisionsQuery(filter, newest && !paused && !reading));
  const show = (next: DecisionFilter): void => void navigate({ to: paths.decisions, search: next });
  return (
    <Page
      title="Decisions"
      meta="Every answer that an agent got, with everything it was made from."
      actions={
        newest ? (
          <Tail paused={paused} reading={reading} onPaused={setPaused} />
        ) : (
          <Button size="xs" onClick={() => show({ ...withoutPlace(filter) })}>
            Back to the newest
          </Button>
        )
      }
    >
      <DecisionFilters filter={filter} onFilter={show} />
      {/* Rows that move away under the pointer are opened by mistake: it stands still while somebody points at it. */}
      <div onPointerEnter={() => setReading(true)} onPointerLeave={() => setReading(false)}>
        <DataTable
          label="Decisions, newest first"
          columns={columns}
          rows={data?.decisions}
          rowId={({ decision_id }) => decision_id}
          stale={isPlaceholderData}
          onOpen={({ decision_id }) => void navigate({ to: paths.decision, params: { decisionId: decision_id } })}
          error={
            error ? (
              <ErrorState title="The decisions could not be read" {...faultOf(error)} onRetry={() => void refetch()} />
            ) : null
          }
          empty={<Nothing filter={filter} onFilter={show} />}
        />
        {data && data.decisions.length > 0 && !error ? (
          <Pages shown={data.decisions.length} filter={filter} next={data.next_cursor} onFilter={show} />
        ) : null}
      </div>
    </Page>
  );
}

function withoutPlace({ before: _, ...filter }: DecisionFilter): DecisionFilter {
  return filter;
}

interface TailProps {
  readonly paused: boolean;
  readonly reading: boolean;
  readonly onPaused: (paused: boolean) => void;
}

/** Whether the list follows what is decided. */
function Tail({ paused, reading, onPaused }: TailProps) {
  const words = paused ? 'Paused' : reading ? 'Stands still while you point at it' : 'Follows every 3 s';
  return (
    <>
      <Text size="xs" c="dimmed" aria-live="off">
        {words}
      </Text>
      <Button
        size="xs"
        leftSection={paused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
        onClick={() => onPaused(!paused)}
      >
        {paused ? 'Follow' : 'Pause'}
      </Button>
    </>
  );
}

function BundleOf({ decision: { bundle, arm } }: { readonly decision: Decision }) {
  if (bundle === null) return 'none';
  return (
    <span className="figures">
      {bundle.version}
      {arm === 'canary' ? <span className={classes.canary}> canary</span> : null}
    </span>
  );
}

function OutcomeWord({ outcome }: { readonly outcome: Decision['outcome'] }) {
  if (outcome === null) return <span className={classes.quiet}>not reported</span>;
  return outcome.status === 'success' ? 'succeeded' : <span className={classes.failed}>failed</span>;
}

interface ListProps {
  readonly filter: DecisionFilter;
  readonly onFilter: (filter: DecisionFilter) => void;
}

function Nothing({ filter, onFilter }: ListProps) {
  const icon = <IconListSearch size={28} />;
  if (!narrows(filter) && filter.before === undefined) {
    return (
      <EmptyState icon={icon} title="Nothing was decided yet">
        An agent asks before it acts: <Code>POST /policy/evaluate</Code>. What it is answered stands here within
        seconds.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={icon}
      title="No decision fits these filters"
      action={<Button onClick={() => onFilter({})}>Clear filters</Button>}
    >
      Agent, action, rule and session are compared whole, letter by letter.
    </EmptyState>
  );
}

interface PagesProps extends ListProps {
  readonly shown: number;
  readonly next: string | null;
}

/** There may be millions: so many as are shown, and the way to older ones. */
function Pages({ shown, filter, next, onFilter }: PagesProps) {
  const place = filter.before === undefined ? 'The newest' : 'Older:';
  return (
    <Group justify="space-between" mih={44}>
      <Text size="xs" c="dimmed" className="figures">
        {next === null && filter.before === undefined ? 'All' : place} {countText(shown, 'decision')}
      </Text>
      <Group gap={4}>
        <Button
          size="xs"
          variant="subtle"
          color="gray"
          leftSection={<IconChevronLeft size={14} />}
          disabled={filter.before === undefined}
          onClick={() => onFilter(withoutPlace(filter))}
        >
          Newest
        </Button>
        <Button
          size="xs"
          variant="subtle"
          color="gray"
          rightSection={<IconChevronRight size={14} />}
          disabled={next === null}
          onClick={() => next !== null && onFilter({ ...filter, before: next })}
        >
          Older
        </Button>
      </Group>
    </Group>
  );
}
