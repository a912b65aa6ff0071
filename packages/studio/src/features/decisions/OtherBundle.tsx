import { Select, Skeleton, Text } from '@mantine/core';
import { listsUsed, type RuleInput } from '@policy-studio/engine';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Answer } from '../../api/client.js';
import { bundleQuery, bundlesQuery } from '../../api/queries/bundles.js';
import { surroundingsQuery } from '../../api/queries/surroundings.js';
import { faultOf } from '../../api/query-client.js';
import { AnswerBand } from '../../domain/AnswerBand.js';
import { DecisionTrace } from '../../domain/DecisionTrace.js';
import { useEngine } from '../../engine/use-engine.js';
import { Section } from '../../ui/Page.js';
import { ErrorState } from '../../ui/states.js';
import classes from './DecisionPage.module.css';
import { recordedContext } from './recorded-request.js';

type Decision = Answer<'decisions', 'getDecision'>;

/** What any other bundle would say to the same request, answered in this browser. */
export function OtherBundle({ decision }: { readonly decision: Decision }) {
  const { data: bundles } = useQuery(bundlesQuery({ offset: 0, limit: 100 }));
  const [chosen, setChosen] = useState<string | null>(null);
  const others = (bundles?.bundles ?? []).filter(({ id }) => id !== decision.bundle?.id);
  return (
    <Section title="What would another bundle say?">
      <div className={classes.other}>
        <Select
          aria-label="Bundle"
          placeholder={others.length === 0 && bundles ? 'There is no other bundle' : 'Choose a bundle'}
          data={others.map(({ id, version, status }) => ({
            value: String(id),
            label: `${version}, ${status.replace('_', ' ')}`,
          }))}
          value={chosen}
          onChange={setChosen}
          disabled={others.length === 0}
          searchable={others.length > 8}
          w={240}
        />
      </div>
      {chosen === null ? null : <Said decision={decision} bundleId={Number(chosen)} />}
    </Section>
  );
}

const none: readonly RuleInput[] = [];

function Said({ decision, bundleId }: { readonly decision: Decision; readonly bundleId: number }) {
  const bundle = useQuery(bundleQuery(bundleId));
  const rules = (bundle.data?.rules ?? none) as readonly RuleInput[];
  const lists = useMemo(() => listsUsed(rules), [rules]);
  const surroundings = useQuery({ ...surroundingsQuery(lists), enabled: bundle.data !== undefined });
  const request = { agent: decision.agent, action: decision.action, context: recordedContext(decision) };
  const input = bundle.data && surroundings.data ? { rules, request, surroundings: surroundings.data } : null;
  const answer = useEngine('explain', input, [
    bundle.data?.digest,
    surroundings.dataUpdatedAt,
    'decision',
    decision.decision_id,
  ]);
  const fault = bundle.error ?? surroundings.error ?? answer.error;
  if (fault) return <ErrorState title="It could not be asked" {...faultOf(fault)} />;
  if (input === null || !answer.data || answer.isPlaceholderData) return <Skeleton height={68} mt={12} radius="md" />;
  const said = answer.data.answer;
  if ('faults' in said) {
    return <ErrorState title="Its rules cannot decide" detail={said.faults[0]?.message ?? 'they have faults'} />;
  }
  const { effect, matched_rule, reason } = said.decision;
  const same = effect === decision.policy_effect;
  return (
    <>
      <div className={classes.said}>
        <AnswerBand
          effect={effect}
          reason={matched_rule === null ? 'No rule matches: this is the default effect.' : reason}
          note={same ? 'the same effect' : 'another effect'}
        />
      </div>
      <DecisionTrace trace={said.trace} truncated={said.truncated} />
      <Text className={classes.note} component="p">
        By today’s lists, and by the facts that were read then: those that only this bundle reads are missing
        {decision.redacted.length > 0 ? ', as are sensitive values' : ''}.
      </Text>
    </>
  );
}
