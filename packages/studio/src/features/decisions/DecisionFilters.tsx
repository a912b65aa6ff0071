import { Autocomplete, Button, SegmentedControl, Select, TextInput } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useState } from 'react';
import type { DecisionFilter } from '../../api/decision-filter.js';
import { bundlesQuery } from '../../api/queries/bundles.js';
import { catalogQuery } from '../../api/queries/catalog.js';
import { Effect } from '../../domain/effect.js';
import classes from './DecisionFilters.module.css';
import { narrows, readDecisionSearch } from './decision-search.js';

interface DecisionFiltersProps {
  readonly filter: DecisionFilter;
  /** A filter replaces the whole one, and begins at the newest again. */
  readonly onFilter: (filter: DecisionFilter) => void;
}

const effects = [
  { value: '', label: 'All' },
  { value: 'allow', label: <Effect effect="allow" /> },
  { value: 'deny', label: <Effect effect="deny" /> },
  { value: 'needs_approval', label: <Effect effect="needs_approval" /> },
];
const ranges = [
  { value: '1h', label: '1 h' },
  { value: '24h', label: '24 h' },
  { value: '7d', label: '7 d' },
  { value: '', label: 'All kept' },
];
const arms = [
  { value: 'stable', label: 'Stable' },
  { value: 'canary', label: 'Canary' },
];
const outcomes = [
  { value: 'success', label: 'Succeeded' },
  { value: 'error', label: 'Failed' },
];

/** What of the record is listed. Choices take effect at once, names once they are finished. */
export function DecisionFilters({ filter, onFilter }: DecisionFiltersProps) {
  const { data: catalog } = useQuery(catalogQuery);
  const { data: bundles } = useQuery(bundlesQuery({ offset: 0, limit: 100 }));
  const { before: _, ...current } = filter;
  const set = (name: keyof DecisionFilter, value: string | null): void =>
    onFilter(readDecisionSearch({ ...current, [name]: value ?? undefined }));
  return (
    <search className={classes.filters} aria-label="Decisions">
      <div className={classes.choices}>
        <SegmentedControl
          aria-label="Effect"
          data={effects}
          value={filter.effect ?? ''}
          onChange={(value) => set('effect', value)}
        />
        <SegmentedControl
          aria-label="Time"
          data={ranges}
          value={filter.range ?? ''}
          onChange={(value) => set('range', value)}
        />
        {narrows(filter) ? (
          <Button
            size="xs"
            variant="subtle"
            color="gray"
            leftSection={<IconX size={14} />}
            onClick={() => onFilter({})}
          >
            Clear filters
          </Button>
        ) : null}
      </div>
      <div className={classes.fields}>
        <NameFilter
          label="Agent"
          value={filter.agent}
          known={catalog?.agents.map(({ agent }) => agent)}
          onValue={(value) => set('agent', value)}
        />
        <NameFilter
          label="Action"
          value={filter.action}
          known={catalog?.actions.map(({ action }) => action)}
          onValue={(value) => set('action', value)}
        />
        <NameFilter label="Rule" value={filter.rule} onValue={(value) => set('rule', value)} />
        <NameFilter label="Session" value={filter.session} onValue={(value) => set('session', value)} />
        <ChoiceFilter
          label="Bundle"
          value={filter.bundle_id === undefined ? null : String(filter.bundle_id)}
          data={(bundles?.bundles ?? []).map(({ id, version }) => ({ value: String(id), label: version }))}
          onValue={(value) => set('bundle_id', value)}
        />
        <ChoiceFilter label="Arm" value={filter.arm ?? null} data={arms} onValue={(value) => set('arm', value)} />
        <ChoiceFilter
          label="Outcome"
          value={filter.status ?? null}
          data={outcomes}
          onValue={(value) => set('status', value)}
        />
      </div>
    </search>
  );
}

interface NameFilterProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly known?: readonly string[] | undefined;
  readonly onValue: (value: string) => void;
}

/** A name is asked for whole: half of one finds nothing. So it counts on Enter, on leaving, or as it is chosen. */
function NameFilter({ label, value = '', known, onValue }: NameFilterProps) {
  const [draft, setDraft] = useState<string | null>(null);
  const finish = (text: string): void => {
    setDraft(null);
    if (text.trim() !== value) onValue(text);
  };
  const input = {
    size: 'xs',
    'aria-label': label,
    placeholder: label,
    value: draft ?? value,
    onBlur: () => finish(draft ?? value),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === 'Enter') finish(draft ?? value);
    },
    'data-set': value !== '' || undefined,
  } as const;
  if (known === undefined || known.length === 0) {
    return <TextInput {...input} onChange={(event) => setDraft(event.currentTarget.value)} />;
  }
  return <Autocomplete {...input} data={[...known]} limit={50} onChange={setDraft} onOptionSubmit={finish} />;
}

interface ChoiceFilterProps {
  readonly label: string;
  readonly value: string | null;
  readonly data: { value: string; label: string }[];
  readonly onValue: (value: string | null) => void;
}

function ChoiceFilter({ label, value, data, onValue }: ChoiceFilterProps) {
  // An address may name what is not among the newest hundred.
  const choices =
    value === null || data.some((choice) => choice.value === value)
      ? data
      : [{ value, label: `${label} ${value}` }, ...data];
  return (
    <Select
      size="xs"
      aria-label={label}
      placeholder={label}
      data={choices}
      value={value}
      onChange={onValue}
      clearable
      searchable={data.length > 8}
      clearButtonProps={{ 'aria-label': `Any ${label.toLowerCase()}` }}
    />
  );
}
