import { Button, CopyButton, Text } from '@mantine/core';
import type { CandidateTrace } from '@policy-studio/engine';
import { IconCheck, IconTestPipe } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import type { Answer } from '../../api/client.js';
import { decisionQuery, tracedDecisionQuery } from '../../api/queries/decisions.js';
import { faultOf } from '../../api/query-client.js';
import { AnswerBand } from '../../domain/AnswerBand.js';
import { DecisionTrace } from '../../domain/DecisionTrace.js';
import { Effect } from '../../domain/effect.js';
import { ActionButton } from '../../ui/ActionButton.js';
import { countText } from '../../ui/figures.js';
import { Page, Section } from '../../ui/Page.js';
import { Quoted } from '../../ui/Quoted.js';
import { ErrorState, RowSkeletons, sentence } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';
import { DecisionFacts } from './DecisionFacts.js';
import classes from './DecisionPage.module.css';
import { OtherBundle } from './OtherBundle.js';
import { ReplayProof } from './ReplayProof.js';
import { requestFields, testCaseOf } from './recorded-request.js';

type Decision = Answer<'decisions', 'getDecision'>;

/** One decision: the answer, why it came out so, what it was made from, and the proof of it. */
export default function DecisionPage() {
  const { decisionId } = useParams({ from: '/shell/decisions/$decisionId' });
  const { data, error, refetch } = useQuery(decisionQuery(decisionId));
  if (error && !data) {
    return <ErrorState title="This decision could not be read" {...faultOf(error)} onRetry={() => void refetch()} />;
  }
  if (!data) return <RowSkeletons rows={8} />;
  // Another decision, another proof.
  return <DecisionView key={data.decision_id} decision={data} />;
}

function DecisionView({ decision }: { readonly decision: Decision }) {
  const { agent, action, effect, reason, matched_rule, default: isDefault } = decision;
  return (
    <Page
      title={`${agent} ${action}`}
      meta={<Time at={decision.created_at} />}
      actions={<CopyTestCase decision={decision} />}
      aside={<DecisionFacts decision={decision} />}
    >
      <div className={classes.band}>
        <AnswerBand
          effect={effect}
          reason={isDefault ? 'No rule matches: this is the default effect.' : reason}
          note={matched_rule}
        />
      </div>
      <Overlays decision={decision} />
      <ReplayProof decision={decision} />
      <TraceSection decision={decision} />
      <RequestSection decision={decision} />
      <OtherBundle decision={decision} />
    </Page>
  );
}

/** What besides the rules had a say, in order. */
function Overlays({ decision: { overlays, effect, policy_effect } }: { readonly decision: Decision }) {
  if (overlays.length === 0) return null;
  return (
    <Section
      first
      title="Besides the rules"
      note={
        effect === policy_effect ? null : (
          <>
            the rules alone say <Effect effect={policy_effect} />
          </>
        )
      }
    >
      <ul className={classes.overlays}>
        {overlays.map(({ kind, detail, policy_reason }) => (
          <li key={`${kind} ${detail}`}>
            <Quoted text={sentence(detail)} />
            {policy_reason === undefined ? null : <> The rules’ own reason: {policy_reason}</>}
            <span className={classes.kind}>{kind.replaceAll('_', ' ')}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function TraceSection({ decision }: { readonly decision: Decision }) {
  const { data, error, refetch } = useQuery(tracedDecisionQuery(decision.decision_id));
  const trace = data?.trace as readonly CandidateTrace[] | undefined;
  return (
    <Section title="Why" note={trace ? `${countText(trace.length, 'rule')} for this agent and action, in order` : null}>
      {error ? (
        <ErrorState title="It cannot be explained any more" {...faultOf(error)} onRetry={() => void refetch()} />
      ) : !data ? (
        <RowSkeletons rows={3} height={36} />
      ) : trace === undefined || trace.length === 0 ? (
        <Text c="dimmed">
          No rule is for this agent and action, so the default effect answers:{' '}
          <Effect effect={decision.default_effect} />
        </Text>
      ) : (
        <DecisionTrace trace={trace} truncated={0} />
      )}
      {decision.errors.length > 0 ? (
        <ul className={classes.overlays}>
          {decision.errors.map(({ code, rule_id, field }) => (
            <li key={`${code} ${rule_id} ${field}`}>
              {rule_id ?? 'The evaluation'}: {code.replaceAll('_', ' ')}
              {field === undefined ? null : (
                <>
                  {' '}
                  at <code>{field}</code>
                </>
              )}
            </li>
          ))}
        </ul>
      ) : null}
    </Section>
  );
}

/** What was known before the action: the agent's context, and the facts of this server that the rules read. */
function RequestSection({ decision }: { readonly decision: Decision }) {
  const fields = requestFields(decision);
  return (
    <Section title="Request" note={countText(fields.length, 'field')}>
      {fields.length === 0 ? (
        <Text c="dimmed">Nothing was said besides who wants to do what.</Text>
      ) : (
        <dl className={classes.fields}>
          {fields.map(({ name, value, from }) => (
            <div key={`${from} ${name}`} className={classes.field}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd>
                <code>{value}</code>
                {from === 'context' ? null : <span className={classes.kind}>{from}</span>}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </Section>
  );
}

/** For a suite that runs with the rules: this request has to be answered so. */
function CopyTestCase({ decision }: { readonly decision: Decision }) {
  const { redacted } = decision;
  if (redacted.length > 0) {
    return (
      <ActionButton
        leftSection={<IconTestPipe size={16} />}
        disabledBecause={`Its ${redacted.join(', ')} ${redacted.length === 1 ? 'is' : 'are'} not on record`}
      >
        Copy as test case
      </ActionButton>
    );
  }
  return (
    <CopyButton value={JSON.stringify(testCaseOf(decision), null, 2)} timeout={1500}>
      {({ copied, copy }) => (
        <Button leftSection={copied ? <IconCheck size={16} /> : <IconTestPipe size={16} />} onClick={copy}>
          {copied ? 'Copied' : 'Copy as test case'}
        </Button>
      )}
    </CopyButton>
  );
}
