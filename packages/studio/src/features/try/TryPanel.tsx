import { Select, Text } from '@mantine/core';
import { fixtures, listsUsed, type RuleInput } from '@policy-studio/engine';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useState } from 'react';
import { surroundingsQuery } from '../../api/queries/surroundings.js';
import { faultOf } from '../../api/query-client.js';
import { AnswerBand } from '../../domain/AnswerBand.js';
import { DecisionTrace } from '../../domain/DecisionTrace.js';
import type { EngineAnswer } from '../../engine/protocol.js';
import { useEngine } from '../../engine/use-engine.js';
import { Code } from '../../ui/Code.js';
import { countText, numberText } from '../../ui/figures.js';
import { ErrorState, RowSkeletons } from '../../ui/states.js';
import { type AskedRequest, readRequest } from './read-request.js';
import classes from './TryPanel.module.css';

interface TryPanelProps {
  readonly rules: readonly unknown[];
  /** Names the rules: the digest of a bundle, the revision of a draft. */
  readonly name: string;
}

const nothing: readonly string[] = [];

/** One request against these rules, answered in this browser with everything that led to the answer. */
export function TryPanel({ rules, name }: TryPanelProps) {
  const [text, setText] = useState(() => requestText(fixtures[0]));
  const request = useMemo(() => readRequest(text), [text]);
  const asked = useDeferredValue('fault' in request ? null : request);
  return (
    <div className={classes.panel}>
      <section className={classes.request}>
        <div className={classes.head}>
          <h2 className={classes.title}>Request</h2>
          <Select
            aria-label="Load a case"
            placeholder="Load a case"
            size="xs"
            data={fixtures.map(({ case_id }) => ({ value: case_id, label: case_id.replaceAll('_', ' ') }))}
            value={null}
            onChange={(id) => setText(requestText(fixtures.find(({ case_id }) => case_id === id)))}
            w={200}
          />
        </div>
        <Code label="Request as JSON" language="json" value={text} onChange={setText} />
        {'fault' in request ? (
          <Text size="xs" c="var(--ps-error)" className={classes.fault} role="alert">
            {request.fault}
          </Text>
        ) : null}
      </section>
      <section className={classes.answer} aria-label="Answer">
        {asked === null ? (
          <Text c="dimmed" className={classes.hint}>
            The answer stands here as soon as the request can be read.
          </Text>
        ) : (
          <Answer rules={rules} name={name} request={asked} />
        )}
      </section>
    </div>
  );
}

function Answer({ rules, name, request }: TryPanelProps & { readonly request: AskedRequest }) {
  const lists = useMemo(() => listsUsed(rules), [rules]);
  const surroundings = useQuery({
    ...surroundingsQuery(lists.length === 0 ? nothing : lists),
    placeholderData: keepPreviousData,
  });
  const { data: known, dataUpdatedAt } = surroundings;
  const input = known ? { rules: rules as readonly RuleInput[], request, surroundings: known } : null;
  const { data, error, refetch } = useEngine('explain', input, [name, dataUpdatedAt, request]);
  const fault = surroundings.error ?? error;
  if (fault) {
    const retry = (): void => void Promise.all([surroundings.refetch(), refetch()]);
    return <ErrorState title="The request could not be tried" detail={faultOf(fault).detail} onRetry={retry} />;
  }
  if (!data) return <RowSkeletons rows={4} />;
  const { answer, ms } = data;
  if ('faults' in answer) {
    return (
      <ErrorState
        title={`${countText(answer.faults.length, 'fault')} keep these rules from deciding`}
        detail={answer.faults[0]?.message ?? ''}
      />
    );
  }
  const { decision, trace, truncated } = answer;
  return (
    <>
      <AnswerBand effect={decision.effect} reason={reasonOf(decision)} note={`${timeText(ms)} in the browser`} />
      <div className={classes.trace}>
        <div className={classes.head}>
          <h2 className={classes.title}>Trace</h2>
          <Text size="xs" c="dimmed">
            {countText(trace.length + truncated, 'candidate')} of {countText(rules.length, 'rule')}
          </Text>
        </div>
        {trace.length === 0 ? (
          <Text c="dimmed">No rule is for this agent and action, so the default effect answers.</Text>
        ) : (
          <DecisionTrace trace={trace} truncated={truncated} />
        )}
      </div>
    </>
  );
}

type Decision = Exclude<EngineAnswer<'explain'>, { faults: unknown }>['decision'];

function reasonOf({ matched_rule, reason }: Decision): string {
  return matched_rule === null ? 'No rule matches: this is the default effect.' : reason;
}

function timeText(ms: number): string {
  return `${ms < 1 ? ms.toFixed(2) : numberText(Math.round(ms))} ms`;
}

function requestText(found: (typeof fixtures)[number] | undefined): string {
  if (found === undefined) return '';
  const { agent, action, context } = found;
  return JSON.stringify({ agent, action, context }, null, 2);
}
