import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { Effect } from '../../domain/effect.js';
import { SeverityMark } from '../../domain/findings.js';
import { countText, numberText } from '../../ui/figures.js';
import classes from './RuleList.module.css';
import type { RuleDocument } from './rule-document.js';

interface RuleListProps {
  readonly rules: readonly RuleDocument[];
  readonly selected: string;
  readonly onSelect: (id: string) => void;
}

const rowHeight = 48;

/** Rules by the thousand: only those in view are there. Up and down go through them. */
export function RuleList({ rules, selected, onSelect }: RuleListProps) {
  const [wanted, setWanted] = useState('');
  const query = useDeferredValue(wanted.trim().toLowerCase());
  const found = useMemo(() => (query === '' ? rules : rules.filter((rule) => matches(rule, query))), [rules, query]);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: found.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  const chosen = found.findIndex(({ id }) => id === selected);
  const { scrollToIndex } = rows;
  useEffect(() => {
    if (chosen >= 0) scrollToIndex(chosen, { align: 'auto' });
  }, [chosen, scrollToIndex]);

  const move = (event: KeyboardEvent): void => {
    const next = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, Home: 0, End: found.length - 1 }[event.key];
    const rule = next === undefined ? undefined : found[next];
    if (rule === undefined) return;
    event.preventDefault();
    onSelect(rule.id);
  };

  return (
    <div className={classes.list}>
      <TextInput
        className={classes.search ?? ''}
        variant="unstyled"
        aria-label={`Search ${countText(rules.length, 'rule')}`}
        placeholder={`Search ${countText(rules.length, 'rule')}`}
        leftSection={<IconSearch size={16} />}
        value={wanted}
        onChange={(event) => setWanted(event.currentTarget.value)}
      />
      <div
        ref={scroller}
        className={classes.scroller}
        role="listbox"
        aria-label="Rules, in the order in which they are asked"
        aria-activedescendant={chosen >= 0 ? `rule-${selected}` : undefined}
        tabIndex={0}
        onKeyDown={move}
      >
        <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const rule = found[index];
            return rule === undefined ? null : (
              <Row key={index} rule={rule} top={start} selected={index === chosen} onSelect={onSelect} />
            );
          })}
        </div>
        {found.length === 0 ? <p className={classes.none}>No rule of that name, agent, action or tag.</p> : null}
      </div>
      <p className={classes.foot}>
        {query === ''
          ? 'By priority, highest first'
          : `${numberText(found.length)} of ${countText(rules.length, 'rule')}`}
      </p>
    </div>
  );
}

interface RowProps {
  readonly rule: RuleDocument;
  readonly top: number;
  readonly selected: boolean;
  readonly onSelect: (id: string) => void;
}

function Row({ rule, top, selected, onSelect }: RowProps) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the list holds the focus and names the chosen row
    <div
      id={`rule-${rule.id}`}
      role="option"
      aria-selected={selected}
      className={classes.row}
      data-disabled={!rule.enabled || undefined}
      style={{ transform: `translateY(${top}px)`, height: rowHeight }}
      onClick={() => onSelect(rule.id)}
    >
      <span className={classes.effect}>
        <Effect effect={rule.effect} as="icon" />
      </span>
      <span className={classes.id}>{rule.id}</span>
      <span className={classes.priority}>{numberText(rule.priority)}</span>
      <span className={classes.pair}>
        {rule.agent} · {rule.action}
      </span>
      <span className={classes.mark}>
        {rule.severity === null ? null : <SeverityMark severity={rule.severity} size={14} />}
      </span>
    </div>
  );
}

function matches({ id, agent, action, tags }: RuleDocument, query: string): boolean {
  return [id, agent, action, ...tags].some((text) => text.toLowerCase().includes(query));
}
