import { Text } from '@mantine/core';
import { IconEqualNot, IconRepeat, IconShieldCheck } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type Answer, client } from '../../api/client.js';
import { faultOf } from '../../api/query-client.js';
import { useRefusal } from '../../api/session.js';
import { effectLooks } from '../../domain/effect.js';
import { ActionButton } from '../../ui/ActionButton.js';
import { sentence } from '../../ui/states.js';
import classes from './DecisionPage.module.css';

type Decision = Answer<'decisions', 'getDecision'>;
type Replay = Answer<'decisions', 'replayDecision'>;

/** Decides the record again, on the server, from the rules, lists and inputs as they were. */
export function ReplayProof({ decision }: { readonly decision: Decision }) {
  const refusal = useRefusal('replayDecision');
  const replay = useMutation({ mutationFn: () => client.decisions.replayDecision({ id: decision.decision_id }) });
  return (
    <div className={classes.proof}>
      <p aria-live="polite">
        {replay.error ? (
          <Text span c="var(--ps-error)">
            {sentence(faultOf(replay.error).detail)}
          </Text>
        ) : replay.data ? (
          <Verdict replay={replay.data} />
        ) : (
          <Text span c="dimmed">
            Bundle, lists, request and facts are on record, so this answer can be proven.
          </Text>
        )}
      </p>
      <ActionButton
        leftSection={<IconRepeat size={16} />}
        loading={replay.isPending}
        disabledBecause={refusal}
        onClick={() => replay.mutate()}
      >
        {replay.data ? 'Replay again' : 'Replay'}
      </ActionButton>
    </div>
  );
}

function Verdict({ replay: { same, differences, decision } }: { readonly replay: Replay }) {
  const { word } = effectLooks[decision.effect];
  if (same) {
    return (
      <>
        <span className={classes.proven}>
          <IconShieldCheck size={18} aria-hidden />
          Same decision: proven.
        </span>{' '}
        Decided again from the record, the rules say {word.toLowerCase()}
        {decision.matched_rule === null ? ' by default' : ` by ${decision.matched_rule}`}, as they did then.
      </>
    );
  }
  return (
    <>
      <span className={classes.differs}>
        <IconEqualNot size={18} aria-hidden />
        Not the same decision.
      </span>{' '}
      Decided again, the {differences.join(', ').replaceAll('_', ' ')} differ: now {word.toLowerCase()}
      {decision.matched_rule === null ? ' by default' : ` by ${decision.matched_rule}`}. The record or the program has
      changed since.
    </>
  );
}
