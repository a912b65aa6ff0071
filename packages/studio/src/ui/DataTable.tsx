import { Button, Checkbox, Group, Table, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import {
  type ColumnDef,
  createColumnHelper,
  type Row,
  type RowData,
  type RowSelectionState,
  rowSelectionFeature,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import type { MouseEvent, ReactNode } from 'react';
import classes from './DataTable.module.css';
import { numberText } from './figures.js';
import { RowSkeletons } from './states.js';

interface ColumnLook {
  readonly align?: 'right';
  /** Left out where the window is narrower. */
  readonly hideBelow?: 640 | 900 | 1200;
  /** Takes what room is left; the others are as wide as they need. */
  readonly grow?: boolean;
}

const features = tableFeatures({ rowSelectionFeature, columnMeta: {} as ColumnLook });
type Features = typeof features;

/** Columns of a table of `T`, to be made once, outside of components: `columnsOf<Bundle>().columns([...])`. */
export function columnsOf<T extends RowData>() {
  return createColumnHelper<Features, T>();
}

export interface Paging {
  /** From 0. */
  readonly offset: number;
  readonly limit: number;
  readonly total: number;
  readonly onOffset: (offset: number) => void;
}

export interface Selection {
  /** Ids of rows. */
  readonly ids: readonly string[];
  readonly onChange: (ids: readonly string[]) => void;
  /** The name of a row's checkbox. */
  readonly label: (id: string) => string;
}

interface DataTableProps<T extends RowData> {
  /** What the table lists, for those who hear it. */
  readonly label: string;
  // biome-ignore lint/suspicious/noExplicitAny: columns of one table differ in what their cells hold
  readonly columns: readonly ColumnDef<Features, T, any>[];
  /** Undefined while they are on their way. */
  readonly rows: readonly T[] | undefined;
  readonly rowId: (row: T) => string;
  /** Instead of rows that are not there; see EmptyState. */
  readonly empty: ReactNode;
  /** Instead of rows that could not be read; see ErrorState. */
  readonly error?: ReactNode;
  /** A click anywhere in a row. For the keyboard, put a link into the first cell. */
  readonly onOpen?: (row: T) => void;
  readonly paging?: Paging;
  readonly selection?: Selection;
  /** Rows of the page before, while the next is on its way. */
  readonly stale?: boolean;
}

const nothing: readonly never[] = [];

/**
 * A list that the server pages: skeleton, rows, what to do when there are none, what went wrong. Columns that matter
 * less go first when the window is narrow.
 */
export function DataTable<T extends RowData>(props: DataTableProps<T>) {
  const { label, columns, rows, rowId, empty, error, onOpen, paging, selection, stale = false } = props;
  const table = useTable({
    features,
    columns: columns as ColumnDef<Features, T>[],
    data: (rows ?? nothing) as T[],
    getRowId: rowId,
    enableRowSelection: selection !== undefined,
    state: { rowSelection: selectionState(selection) },
    onRowSelectionChange: (change) => {
      const next = typeof change === 'function' ? change(selectionState(selection)) : change;
      selection?.onChange(Object.keys(next));
    },
  });
  if (error) return error;
  if (rows?.length === 0 && (paging?.offset ?? 0) === 0) return empty;
  return (
    <div className={classes.frame} data-stale={stale || undefined}>
      <Table className={classes.table} aria-label={label} aria-busy={rows === undefined || stale}>
        <Table.Thead>
          {table.getHeaderGroups().map((group) => (
            <Table.Tr key={group.id}>
              {selection ? <Table.Th className={classes.check} aria-label="Selected" /> : null}
              {group.headers.map((header) => (
                <Table.Th key={header.id} {...lookOf(header.column.columnDef.meta)}>
                  <table.FlexRender header={header} />
                </Table.Th>
              ))}
            </Table.Tr>
          ))}
        </Table.Thead>
        <Table.Tbody>
          {table.getRowModel().rows.map((row) => (
            <Table.Tr
              key={row.id}
              className={onOpen ? classes.opens : undefined}
              onClick={onOpen ? (event) => openBy(event, () => onOpen(row.original)) : undefined}
            >
              {selection ? <SelectionCell row={row} label={selection.label(row.id)} /> : null}
              {row.getAllCells().map((cell) => (
                <Table.Td key={cell.id} {...lookOf(cell.column.columnDef.meta)}>
                  <table.FlexRender cell={cell} />
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {rows === undefined ? <RowSkeletons /> : null}
      {paging && paging.total > 0 ? <Pages {...paging} shown={rows?.length ?? 0} /> : null}
    </div>
  );
}

function SelectionCell<T extends RowData>({ row, label }: { readonly row: Row<Features, T>; readonly label: string }) {
  return (
    <Table.Td className={classes.check}>
      <Checkbox
        size="xs"
        aria-label={label}
        checked={row.getIsSelected()}
        onChange={(event) => row.toggleSelected(event.currentTarget.checked)}
      />
    </Table.Td>
  );
}

function Pages({ offset, limit, total, onOffset, shown }: Paging & { readonly shown: number }) {
  const last = offset + shown;
  return (
    <Group justify="space-between" className={classes.pages}>
      <Text size="xs" c="dimmed" className="figures">
        {numberText(Math.min(offset + 1, total))} to {numberText(last)} of {numberText(total)}
      </Text>
      {total > limit ? (
        <Group gap={4}>
          <Button
            size="xs"
            variant="subtle"
            color="gray"
            leftSection={<IconChevronLeft size={14} />}
            disabled={offset === 0}
            onClick={() => onOffset(Math.max(0, offset - limit))}
          >
            Newer
          </Button>
          <Button
            size="xs"
            variant="subtle"
            color="gray"
            rightSection={<IconChevronRight size={14} />}
            disabled={last >= total}
            onClick={() => onOffset(offset + limit)}
          >
            Older
          </Button>
        </Group>
      ) : null}
    </Group>
  );
}

function selectionState(selection: Selection | undefined): RowSelectionState {
  return Object.fromEntries((selection?.ids ?? []).map((id) => [id, true as const]));
}

function lookOf(look: ColumnLook = {}) {
  return { 'data-align': look.align, 'data-hide-below': look.hideBelow, 'data-grow': look.grow || undefined };
}

/** Not for a click that means something else: on a control, on marked text, with a key. */
function openBy(event: MouseEvent<HTMLElement>, open: () => void): void {
  const target = event.target as HTMLElement;
  if (
    target.closest('a, button, input, label, [role="menuitem"]') ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey
  ) {
    return;
  }
  if (globalThis.getSelection()?.toString()) return;
  open();
}
