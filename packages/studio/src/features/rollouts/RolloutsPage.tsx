import { Anchor, Code } from '@mantine/core';
import { IconRocket } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { Answer } from '../../api/client.js';
import { rolloutsPerPage, rolloutsQuery } from '../../api/queries/rollouts.js';
import { faultOf } from '../../api/query-client.js';
import { holdWords } from '../../domain/hold-words.js';
import { RolloutPhasePill } from '../../domain/rollout-phase.js';
import { paths } from '../../paths.js';
import { columnsOf, DataTable } from '../../ui/DataTable.js';
import { Page } from '../../ui/Page.js';
import { EmptyState, ErrorState, sentence } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';

type Rollout = Answer<'rollouts', 'listRollouts'>['rollouts'][number];

const column = columnsOf<Rollout>();
const columns = column.columns([
  column.accessor('version', {
    header: 'Bundle',
    cell: ({ row: { original } }) => (
      <Anchor
        fw={600}
        c="var(--ps-ink)"
        underline="hover"
        renderRoot={(props) => <Link to={paths.rollout} params={{ rolloutId: String(original.id) }} {...props} />}
      >
        {original.version ?? `bundle ${original.bundle_id}`}
      </Anchor>
    ),
  }),
  column.accessor('previous_version', {
    header: 'Over',
    cell: ({ getValue }) => getValue() ?? 'nothing',
    meta: { hideBelow: 640 },
  }),
  column.accessor('phase', {
    header: 'Phase',
    cell: ({ row: { original } }) => <RolloutPhasePill phase={original.phase} sharePct={original.share_pct} />,
  }),
  column.accessor('holds', {
    header: 'Because',
    cell: ({ row: { original } }) => <span className="one-line">{reasonOf(original)}</span>,
    meta: { grow: true, hideBelow: 900 },
  }),
  column.accessor('created_by', { header: 'Started by', meta: { hideBelow: 900 } }),
  column.accessor('created_at', {
    header: 'Started',
    cell: ({ getValue }) => <Time at={getValue()} as="relative" />,
    meta: { align: 'right' },
  }),
]);

function reasonOf({ holds, end_reason, sign_off, ended_at }: Rollout): string {
  if (end_reason !== null) return sentence(end_reason);
  if (ended_at !== null) return '';
  if (sign_off === 'needed') return 'Waits for somebody to sign off what is newly allowed.';
  return holds.length > 0 ? `Holding: ${holdWords(holds)}.` : 'Going on.';
}

/** Every passage of a bundle from its activation to all traffic, or back. */
export default function RolloutsPage() {
  const { offset = 0 } = useSearch({ from: '/shell/rollouts' });
  const navigate = useNavigate();
  const { data, error, isPlaceholderData, refetch } = useQuery(rolloutsQuery({ offset }));
  return (
    <Page title="Rollouts" meta="How each bundle went from its activation to all of the traffic, or back.">
      <DataTable
        label="Rollouts, newest first"
        columns={columns}
        rows={data?.rollouts}
        rowId={({ id }) => String(id)}
        stale={isPlaceholderData}
        onOpen={({ id }) => void navigate({ to: paths.rollout, params: { rolloutId: String(id) } })}
        error={
          error ? (
            <ErrorState title="The rollouts could not be read" {...faultOf(error)} onRetry={() => void refetch()} />
          ) : null
        }
        empty={
          <EmptyState icon={<IconRocket size={28} />} title="No rollout yet">
            Activating an approved bundle begins one:{' '}
            <Code>policy-studio bundles activate 1.0.0 --pct 10 --approval 1</Code>
          </EmptyState>
        }
        paging={{
          offset,
          limit: data?.limit ?? rolloutsPerPage,
          total: data?.total ?? 0,
          onOffset: (next) => void navigate({ to: paths.rollouts, search: next === 0 ? {} : { offset: next } }),
        }}
      />
    </Page>
  );
}
