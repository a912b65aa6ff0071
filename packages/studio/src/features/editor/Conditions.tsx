import { ActionIcon, Button, Select, TextInput } from '@mantine/core';
import type { Operator, PatchOperation, Test } from '@policy-studio/engine';
import { parseCondition } from '@policy-studio/engine';
import { IconPlus, IconX } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { operatorWords } from '../../domain/rule-sentence.js';
import classes from './Builder.module.css';
import { CommitInput } from './CommitInput.js';
import {
  addTest,
  operandText,
  operatorsFor,
  operatorsOffered,
  pointer,
  type Row,
  readOperand,
  replaceTest,
  rowsOf,
} from './condition-rows.js';

interface ConditionsProps {
  readonly rules: readonly unknown[];
  readonly index: number;
  readonly conditions: unknown;
  readonly readOnly: boolean;
  readonly onEdit: (patch: readonly PatchOperation[], kind: string) => void;
}

const groupWords = {
  all: ['All of', 'these must hold'],
  any: ['Any of', 'one is enough'],
  not: ['Unless', 'these hold'],
} as const;

/** The conditions of a rule, as they are written; each edit is a patch of just that place. */
export function Conditions(props: ConditionsProps) {
  const { rules, index, conditions, readOnly, onEdit } = props;
  const path = [index, 'conditions'];
  const rows = rowsOf(conditions, path);
  return (
    <section aria-label="Conditions" className={classes.conditions}>
      <p className={classes.group}>
        <strong>All of</strong> {rows.length === 0 ? 'nothing: it always holds' : 'these must hold'}
      </p>
      <div className={classes.rail}>
        <Rows rows={rows} {...props} />
        {readOnly ? null : <NewCondition onAdd={(test) => onEdit([addTest(rules, path, test)], `add ${index}`)} />}
      </div>
    </section>
  );
}

function Rows({ rows, ...props }: { readonly rows: readonly Row[] } & ConditionsProps) {
  return rows.map((row) => {
    const key = pointer(row.path);
    if (row.kind === 'test') return <TestRow key={key} row={row} {...props} />;
    if (row.kind === 'unreadable') {
      return (
        <div key={key} className={classes.row}>
          <code className={classes.unreadable}>{row.key}</code>
          <span className={classes.note}>cannot be read; see the findings</span>
          <Remove path={row.path} what={row.key} {...props} />
        </div>
      );
    }
    const [word, note] = groupWords[row.word];
    return (
      <div key={key}>
        <p className={classes.group}>
          <strong>{word}</strong> {note}
          <Remove path={row.path} what={`the group “${word}”`} {...props} />
        </p>
        {row.of.map((part, place) => (
          <div key={part[0] ? pointer(part[0].path) : `${key} ${place}`} className={classes.rail}>
            <Rows rows={part} {...props} />
          </div>
        ))}
      </div>
    );
  });
}

function TestRow({ row, ...props }: { readonly row: Row & { readonly kind: 'test' } } & ConditionsProps) {
  const { rules, readOnly, onEdit } = props;
  const { test, path } = row;
  const change = (next: Test): boolean => {
    const step = replaceTest(rules, path, next);
    if (step === null) return false;
    onEdit([step], pointer(path));
    return true;
  };
  const operators = [...new Set([test.operator, ...operatorsFor(test)])];
  return (
    <div className={classes.row}>
      <CommitInput
        label={`Field of ${test.field}`}
        value={test.field}
        mono
        disabled={readOnly}
        onCommit={(field) => isField(field) && change({ ...test, field: field.trim() })}
      />
      <Select
        aria-label={`Operator of ${test.field}`}
        variant="filled"
        size="xs"
        disabled={readOnly}
        allowDeselect={false}
        value={test.operator}
        data={operators.map((value) => ({ value, label: operatorWords(value, test.operand) }))}
        onChange={(operator) => operator && change({ ...test, operator: operator as Operator })}
      />
      <CommitInput
        label={`Value of ${test.field}`}
        value={operandText(test.operand)}
        disabled={readOnly}
        onCommit={(text) => {
          const operand = readOperand(text, test.operator, test.operand);
          return operand !== null && change({ ...test, operand });
        }}
      />
      <Remove path={path} what={test.field} {...props} />
    </div>
  );
}

function Remove({
  path,
  what,
  readOnly,
  onEdit,
}: { readonly path: readonly (string | number)[]; readonly what: string } & ConditionsProps) {
  if (readOnly) return null;
  return (
    <ActionIcon
      size={24}
      aria-label={`Remove ${what}`}
      onClick={() => onEdit([{ op: 'remove', path: pointer(path) }], '')}
    >
      <IconX size={14} />
    </ActionIcon>
  );
}

function NewCondition({ onAdd }: { readonly onAdd: (test: Test) => void }) {
  const [field, setField] = useState('');
  const [operator, setOperator] = useState<Operator>('==');
  const [value, setValue] = useState('');
  const operand = readOperand(value, operator);
  const ready = isField(field) && value.trim() !== '' && operand !== null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!ready || operand === null) return;
    onAdd({ kind: 'test', field: field.trim(), operator, operand });
    setField('');
    setValue('');
  };
  return (
    <form className={classes.row} onSubmit={submit} aria-label="New condition">
      <TextInput
        aria-label="Field"
        placeholder="field"
        variant="filled"
        size="xs"
        classNames={{ input: 'mono' }}
        value={field}
        onChange={(event) => setField(event.currentTarget.value)}
      />
      <Select
        aria-label="Operator"
        variant="filled"
        size="xs"
        allowDeselect={false}
        value={operator}
        data={operatorsOffered.map((each) => ({
          value: each,
          label: each === 'in' ? 'is one of' : each === 'not_in' ? 'is none of' : operatorWords(each, noValue),
        }))}
        onChange={(next) => next && setOperator(next as Operator)}
      />
      <TextInput
        aria-label="Value"
        placeholder={operator === 'exists' || operator === 'is_empty' ? 'true or false' : 'value'}
        variant="filled"
        size="xs"
        value={value}
        onChange={(event) => setValue(event.currentTarget.value)}
      />
      <Button type="submit" size="xs" variant="subtle" disabled={!ready} leftSection={<IconPlus size={14} />}>
        Add
      </Button>
    </form>
  );
}

const noValue = { kind: 'value', value: null } as const;

function isField(text: string): boolean {
  return !Array.isArray(parseCondition({ [`${text.trim()} exists`]: true }));
}
