import { Anchor, Button, Code, Skeleton, Text } from '@mantine/core';
import { IconClockPause, IconPlayerPlay, IconShieldOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Answer } from '../../api/client.js';
import { canaryStatusQuery, rolloutQuery } from '../../api/queries/rollouts.js';
import { systemQuery } from '../../api/queries/system.js';
import { faultOf } from '../../api/query-client.js';
import { Effect } from '../../domain/effect.js';
import { holdWords } from '../../domain/hold-words.js';
import { RolloutSteps } from '../../domain/RolloutSteps.js';
import { paths } from '../../paths.js';
import { CopyText } from '../../ui/CopyText.js';
import { EmptyState, ErrorState, sentence } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';
import classes from './InForceNow.module.css';

type System = Answer<'system', 'getSystem'>;
type Rollout = Answer<'rollouts', 'getRollout'>;

/** The first thing on the first page: what decides now, where the rollout is, and why it holds. */
export function InForceNow() {
  const { data: system, error, refetch } = useQuery(systemQuery);
  const rolloutId = system?.rollout?.id;
  const { data: rollout } = useQuery({ ...rolloutQuery(rolloutId ?? 0), enabled: rolloutId !== undefined });
  if (error && !system) {
    return <ErrorState title="What is in force could not be read" {...faultOf(error)} onRetry={() => void refetch()} />;
  }
  if (!system || (rolloutId !== undefined && !rollout)) return <Skeleton height={78} radius="md" />;
  if (system.bundle === null || system.safe) return <NothingInForce system={system} />;
  return (
    <>
      <div className={classes.row}>
        <Versions system={system} rollout={rollout ?? null} />
        {rollout ? (
          <RolloutSteps
            phase={rollout.phase}
            sharePct={rollout.share_pct}
            steps={rollout.plan.steps}
            dwelledSeconds={rollout.dwelled_seconds}
            dwellSeconds={rollout.dwell_seconds}
          />
        ) : (
          <Facts system={system} />
        )}
        <Button
          renderRoot={(props) =>
            rollout ? (
              <Link to={paths.rollout} params={{ rolloutId: String(rollout.id) }} {...props} />
            ) : (
              <Link to={paths.bundle} params={{ bundleId: String(system.bundle?.id) }} {...props} />
            )
          }
        >
          {rollout ? 'Open rollout' : `Open ${system.bundle.version}`}
        </Button>
      </div>
      {rollout ? <Standing rollout={rollout} /> : null}
    </>
  );
}

function Versions({ system, rollout }: { readonly system: System; readonly rollout: Rollout | null }) {
  const { data: status } = useQuery({ ...canaryStatusQuery(system.bundle?.id ?? 0), enabled: system.bundle !== null });
  const candidate = system.rollout?.candidate ?? null;
  const share = candidate === null ? 0 : (rollout?.share_pct ?? 0);
  return (
    <div className={classes.versions}>
      <Text size="xs" c="dimmed">
        In force
      </Text>
      <p className={classes.figures}>
        <span className={classes.version}>{system.bundle?.version}</span>
        <span className={classes.share}>{100 - share} %</span>
        {candidate ? (
          <span className={classes.candidate}>
            <span className={classes.version}>{candidate.version}</span>
            <span>{share === 0 ? 'in shadow' : `canary ${share} %`}</span>
          </span>
        ) : null}
      </p>
      <Text size="xs" c="dimmed">
        {status?.activated_at ? (
          <>
            Activated <Time at={status.activated_at} /> by {status.activated_by}
          </>
        ) : (
          ' '
        )}
      </Text>
    </div>
  );
}

/** Beside a bundle that decides everything alone. */
function Facts({ system }: { readonly system: System }) {
  return (
    <dl className={classes.facts}>
      <Fact name="Digest">
        {system.bundle ? (
          <CopyText what="digest" text={system.bundle.digest} shown={system.bundle.digest.slice(0, 12)} />
        ) : null}
      </Fact>
      <Fact name="No rule matches">
        <Effect effect={system.default_effect} />
      </Fact>
      <Fact name="Servers">
        {system.replicas.filter(({ state }) => state === 'current').length} of {system.replicas.length} decide by it
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** One line: why it stands still, or what comes next. */
function Standing({ rollout }: { readonly rollout: Rollout }) {
  const { holds, share_pct, gates, next_step_pct } = rollout;
  const open = gates.find(({ verdict }) => verdict === 'fail' || verdict === 'inconclusive');
  const place = rollout.phase === 'baking' ? 'Baking at 100 %' : share_pct === 0 ? 'Watching' : `at ${share_pct} %`;
  if (holds.length > 0) {
    return (
      <p className={classes.standing}>
        <IconClockPause size={18} aria-hidden />
        <span>
          <strong>Holding {place}:</strong> {holdWords(holds)}. {open ? sentence(open.sentence) : null}
        </span>
      </p>
    );
  }
  return (
    <p className={classes.standing}>
      <IconPlayerPlay size={18} aria-hidden />
      <span>
        <strong>Going on {place}.</strong>{' '}
        {open
          ? open.sentence
          : next_step_pct === null
            ? 'All gates pass.'
            : `All gates pass; next is ${next_step_pct} %.`}
      </span>
    </p>
  );
}

function NothingInForce({ system }: { readonly system: System }) {
  if (system.safe) {
    return (
      <EmptyState icon={<IconShieldOff size={28} />} title="The built-in safe bundle is in force">
        Everything is denied until a bundle is activated.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<IconShieldOff size={28} />}
      title="Nothing is in force yet"
      action={<Button renderRoot={(props) => <Link to={paths.bundles} {...props} />}>Open bundles</Button>}
    >
      Every request gets the default effect, <Effect effect={system.default_effect} />. Agents ask{' '}
      <Code>POST /policy/evaluate</Code>, see the{' '}
      <Anchor href="/docs" size="sm">
        HTTP interface
      </Anchor>
      .
    </EmptyState>
  );
}
