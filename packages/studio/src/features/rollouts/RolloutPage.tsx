import { Anchor } from '@mantine/core';
import { IconArrowBackUp, IconCircleCheck, IconClockPause, IconHandStop, IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ComponentType } from 'react';
import type { Answer } from '../../api/client.js';
import { canaryStatusQuery, rolloutQuery } from '../../api/queries/rollouts.js';
import { faultOf } from '../../api/query-client.js';
import { RolloutSteps } from '../../domain/RolloutSteps.js';
import { isOver, RolloutPhasePill } from '../../domain/rollout-phase.js';
import { paths } from '../../paths.js';
import { durationText, percentText } from '../../ui/figures.js';
import { Page, Section } from '../../ui/Page.js';
import { Quoted } from '../../ui/Quoted.js';
import { ErrorState, RowSkeletons, sentence } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';
import { useNow } from '../../ui/use-now.js';
import { ChangedDecisions } from './ChangedDecisions.js';
import { GateTable } from './GateTable.js';
import { RolloutActions } from './RolloutActions.js';
import classes from './RolloutPage.module.css';
import { RolloutTimeline } from './RolloutTimeline.js';
import { aheadOf, type Standing, standingOf } from './standing.js';

type Rollout = Answer<'rollouts', 'getRollout'>;

/** One rollout: where it is and why, its gates, what changes for agents, and everything that happened. */
export default function RolloutPage() {
  const { rolloutId } = useParams({ from: '/shell/rollouts/$rolloutId' });
  const { data, error, refetch } = useQuery(rolloutQuery(Number(rolloutId)));
  if (error && !data) {
    return <ErrorState title="This rollout could not be read" {...faultOf(error)} onRetry={() => void refetch()} />;
  }
  if (!data) return <RowSkeletons rows={8} />;
  return <RolloutView rollout={data} />;
}

function RolloutView({ rollout }: { readonly rollout: Rollout }) {
  const { phase, share_pct, bundle_id, previous_version, version } = rollout;
  const over = isOver(phase);
  const now = useNow(60_000);
  return (
    <Page
      title={version ?? `Rollout ${rollout.id}`}
      meta={
        <>
          <RolloutPhasePill phase={phase} sharePct={share_pct} />
          <span>{previous_version === null ? 'the first one' : `over ${previous_version}`}</span>
          <Anchor
            size="xs"
            renderRoot={(props) => <Link to={paths.bundle} params={{ bundleId: String(bundle_id) }} {...props} />}
          >
            Rules
          </Anchor>
        </>
      }
      actions={<RolloutActions rollout={rollout} />}
      aside={
        <>
          {over ? null : <ChangedDecisions rollout={rollout} />}
          <RolloutTimeline rollout={rollout} first={over} />
        </>
      }
    >
      {over ? null : (
        <div className={classes.steps}>
          <RolloutSteps
            phase={phase}
            sharePct={share_pct}
            steps={rollout.plan.steps}
            dwelledSeconds={rollout.dwelled_seconds}
            dwellSeconds={rollout.dwell_seconds}
            ahead={aheadOf(rollout, now)}
          />
        </div>
      )}
      <StandingLine rollout={rollout} />
      {over ? null : (
        <Section title="Gates" note="what was measured in this step">
          <GateTable rollout={rollout} />
        </Section>
      )}
      {over ? null : <ApprovalLoad bundleId={bundle_id} />}
      <WayBack rollout={rollout} />
    </Page>
  );
}

const moodIcons: Readonly<Record<Standing['mood'], ComponentType<{ size?: number; 'aria-hidden'?: boolean }>>> = {
  going: IconPlayerPlay,
  holding: IconClockPause,
  asking: IconHandStop,
  harmed: IconArrowBackUp,
  done: IconCircleCheck,
};

function StandingLine({ rollout }: { readonly rollout: Rollout }) {
  const { mood, title, why } = standingOf(rollout);
  const Icon = moodIcons[mood];
  const { skip_asked, signed_off_by, signed_off_at, ended_at } = rollout;
  return (
    <div className={classes.standing} data-mood={mood}>
      <Icon size={20} aria-hidden />
      <div>
        <h2 className={classes.standingTitle}>{title}</h2>
        {why === '' ? null : (
          <p>
            <Quoted text={why} />
          </p>
        )}
        {ended_at === null ? null : (
          <p>
            <Time at={ended_at} />
          </p>
        )}
        {skip_asked === null || ended_at !== null ? null : (
          <p>
            {skip_asked.by} asks to skip to {skip_asked.target_pct} % and waits for a second person: {skip_asked.reason}
          </p>
        )}
        {signed_off_by === null || signed_off_at === null ? null : (
          <p>
            {signed_off_by} signed off what is newly allowed, <Time at={signed_off_at} />.
          </p>
        )}
      </div>
    </div>
  );
}

/** What the candidate asks of people, where it can be told. */
function ApprovalLoad({ bundleId }: { readonly bundleId: number }) {
  const { data } = useQuery({ ...canaryStatusQuery(bundleId), refetchInterval: 15_000 });
  if (!data?.approvals) return null;
  return (
    <Section title="What it asks of people">
      <p className={classes.plain}>{sentence(data.approvals.sentence)}</p>
    </Section>
  );
}

/** When it goes back by itself, and what that takes by hand. */
function WayBack({ rollout }: { readonly rollout: Rollout }) {
  const { plan, previous_version, phase, version } = rollout;
  if (isOver(phase)) return null;
  const { max_error_rate, max_deny_rate, max_cost_increase, max_no_match_increase, max_spend_24h } = plan.critical;
  const limits = [
    `errors pass ${percentText(max_error_rate)}`,
    `denials ${percentText(max_deny_rate)}`,
    `cost +${percentText(max_cost_increase)}`,
    ...(max_spend_24h === null ? [] : [`spend $${max_spend_24h} in 24 h`]),
  ];
  const harm = `${limits.join(', ')} or no match +${Math.round(max_no_match_increase * 100)} points`;
  const bakes =
    plan.dwell_hours === 0 && plan.bake_hours === 0
      ? ''
      : `Each step needs ${durationText(plan.dwell_hours * 3600)} of healthy time, 100 % bakes for ${durationText(plan.bake_hours * 3600)}.`;
  return (
    <Section>
      <p className={classes.wayBack}>
        <IconArrowBackUp size={18} aria-hidden />
        <span>
          {previous_version === null
            ? 'There is no bundle to go back to: rolled back, the built-in safe bundle denies everything.'
            : plan.on_breach === 'hold'
              ? `Does not go back by itself, as was approved: it holds when ${harm}. By hand it takes one person and a reason, and ${previous_version} serves 100 % at once.`
              : `Goes back to ${previous_version} by itself when ${harm}. By hand it takes one person and a reason, and ${previous_version} serves 100 % at once.`}{' '}
          {bakes}
          {version === null ? ' Its draft was deleted since.' : ''}
        </span>
      </p>
    </Section>
  );
}
