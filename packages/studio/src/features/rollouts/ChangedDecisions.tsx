import { Anchor } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Answer } from '../../api/client.js';
import { stepDecisionsQuery } from '../../api/queries/rollouts.js';
import { faultOf } from '../../api/query-client.js';
import { Effect } from '../../domain/effect.js';
import { paths } from '../../paths.js';
import { type ColourName, colour } from '../../theme/colours.js';
import { countText, numberText, percentText } from '../../ui/figures.js';
import { Section } from '../../ui/Page.js';
import { ErrorState } from '../../ui/states.js';
import { type Cause, changesAmong } from './changed-decisions.js';
import classes from './RolloutPage.module.css';

type Rollout = Answer<'rollouts', 'getRollout'>;

/** Of one kind at most so many causes are shown. */
const shown = 5;

/** What the candidate answers otherwise on the requests of this step that both bundles were asked. */
export function ChangedDecisions({ rollout }: { readonly rollout: Rollout }) {
  const { data, error, refetch } = useQuery(stepDecisionsQuery(rollout.id, rollout.step_entered_at));
  const { shadow, canary } = rollout.evidence;
  const asked = shadow.decisions + canary.decisions;
  const changes = data ? changesAmong(data.decisions, rollout) : null;
  const denied = shadow.newly_denied + canary.newly_denied;
  const allowed = shadow.newly_allowed + canary.newly_allowed;
  return (
    <Section
      title="Decisions that change"
      first
      note={asked === 0 ? null : `both bundles on ${countText(asked, 'request')} of this step`}
    >
      {asked === 0 ? <p className={classes.quiet}>Nothing was decided in this step yet.</p> : null}
      <Kind count={denied} of={asked} words="newly denied" shade="deny" causes={changes?.newlyDenied ?? []} />
      <Kind count={allowed} of={asked} words="newly allowed" shade="allow" causes={changes?.newlyAllowed ?? []} />
      {changes && changes.others.length > 0 ? <Causes causes={changes.others} /> : null}
      {error ? (
        <ErrorState title="The causes could not be read" {...faultOf(error)} onRetry={() => void refetch()} />
      ) : null}
      {data && denied + allowed > 0 ? (
        <p className={classes.quiet}>
          Causes are those among the newest {countText(data.decisions.length, 'decision')} of this step.
        </p>
      ) : null}
    </Section>
  );
}

interface KindProps {
  readonly count: number;
  readonly of: number;
  readonly words: string;
  readonly shade: ColourName;
  readonly causes: readonly Cause[];
}

function Kind({ count, of, words, shade, causes }: KindProps) {
  return (
    <div className={classes.change}>
      <p className={classes.changeTotal}>
        <strong style={count > 0 ? { color: colour(shade) } : {}}>{numberText(count)}</strong>
        <span>{words}</span>
        {of === 0 ? null : <small>{percentText(count / of)}</small>}
      </p>
      <Causes causes={causes} />
    </div>
  );
}

function Causes({ causes }: { readonly causes: readonly Cause[] }) {
  if (causes.length === 0) return null;
  return (
    <ul className={classes.causes}>
      {causes.slice(0, shown).map(({ agent, action, from, to, rule, count, example }) => (
        <li key={`${agent} ${action} ${from} ${to} ${rule}`}>
          <strong>
            {agent} {action}
          </strong>
          <span className={classes.count}>{numberText(count)}</span>
          <span className={classes.cause}>
            <Effect effect={from} as="icon" />
            <IconArrowRight size={14} aria-label="to" />
            <Effect effect={to} as="icon" />
            <span>{rule ?? 'no rule'}</span>
          </span>
          <Anchor
            size="xs"
            renderRoot={(props) => <Link to={paths.decision} params={{ decisionId: example }} {...props} />}
          >
            Example
          </Anchor>
        </li>
      ))}
    </ul>
  );
}
