import { Anchor, Code } from '@mantine/core';
import { IconPackages } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { Answer } from '../../api/client.js';
import { bundlesPerPage, bundlesQuery } from '../../api/queries/bundles.js';
import { faultOf } from '../../api/query-client.js';
import { FindingCounts } from '../../domain/findings.js';
import { BundleStatusPill } from '../../domain/status.js';
import { paths } from '../../paths.js';
import { columnsOf, DataTable } from '../../ui/DataTable.js';
import { numberText } from '../../ui/figures.js';
import { Page } from '../../ui/Page.js';
import { EmptyState, ErrorState } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';

type Bundle = Answer<'bundles', 'listBundles'>['bundles'][number];

const column = columnsOf<Bundle>();
const columns = column.columns([
  column.accessor('version', {
    header: 'Version',
    cell: ({ row: { original } }) => (
      <Anchor
        fw={600}
        c="var(--ps-ink)"
        underline="hover"
        renderRoot={(props) => <Link to={paths.bundle} params={{ bundleId: String(original.id) }} {...props} />}
      >
        {original.version}
      </Anchor>
    ),
  }),
  column.accessor('status', {
    header: 'Status',
    cell: ({ row: { original } }) => <BundleStatusPill status={original.status} trafficPct={original.traffic_pct} />,
  }),
  column.accessor('traffic_pct', {
    header: 'Traffic',
    cell: ({ getValue }) => (getValue() === 0 ? '' : `${getValue()} %`),
    meta: { align: 'right', hideBelow: 900 },
  }),
  column.accessor((bundle) => bundle.rules.length, {
    id: 'rules',
    header: 'Rules',
    cell: ({ getValue }) => numberText(getValue()),
    meta: { align: 'right', hideBelow: 640 },
  }),
  column.accessor((bundle) => bundle.lint.summary, {
    id: 'findings',
    header: 'Findings',
    cell: ({ getValue }) => <FindingCounts {...getValue()} />,
  }),
  column.accessor('notes', {
    header: 'Notes',
    cell: ({ getValue }) => <span className="one-line">{getValue().split('\n', 1)[0]}</span>,
    meta: { grow: true, hideBelow: 1200 },
  }),
  column.accessor('created_by', { header: 'Author', meta: { hideBelow: 900 } }),
  column.accessor('created_at', {
    header: 'Created',
    cell: ({ getValue }) => <Time at={getValue()} as="relative" />,
    meta: { align: 'right' },
  }),
]);

/** All bundles, newest first. */
export default function BundlesPage() {
  const { offset = 0 } = useSearch({ from: '/shell/bundles' });
  const navigate = useNavigate();
  const { data, error, isPlaceholderData, refetch } = useQuery(bundlesQuery({ offset }));
  return (
    <Page title="Bundles" meta="Each is a versioned list of rules. One is in force; the others are drafts or history.">
      <DataTable
        label="Bundles, newest first"
        columns={columns}
        rows={data?.bundles}
        rowId={({ id }) => String(id)}
        stale={isPlaceholderData}
        onOpen={({ id }) => void navigate({ to: paths.bundle, params: { bundleId: String(id) } })}
        error={
          error ? (
            <ErrorState title="The bundles could not be read" {...faultOf(error)} onRetry={() => void refetch()} />
          ) : null
        }
        empty={
          <EmptyState icon={<IconPackages size={28} />} title="No bundles yet">
            A bundle holds the rules that decide what agents may do. Bring one in from the command line:{' '}
            <Code>policy-studio push rules.yaml --version 1.0.0</Code>
          </EmptyState>
        }
        paging={{
          offset,
          limit: data?.limit ?? bundlesPerPage,
          total: data?.total ?? 0,
          onOffset: (next) => void navigate({ to: paths.bundles, search: next === 0 ? {} : { offset: next } }),
        }}
      />
    </Page>
  );
}
