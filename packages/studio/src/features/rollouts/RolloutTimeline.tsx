import { IconSettingsAutomation } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { Answer } from '../../api/client.js';
import { trailSinceQuery } from '../../api/queries/rollouts.js';
import { faultOf } from '../../api/query-client.js';
import { PersonMark } from '../../domain/people.js';
import { Section } from '../../ui/Page.js';
import { ErrorState, RowSkeletons } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';
import classes from './RolloutPage.module.css';
import { entriesOf, eventWords } from './timeline.js';

type Rollout = Answer<'rollouts', 'getRollout'>;

/** What led to the rollout may be a while before it. */
const beforeMs = 24 * 3_600_000;

/** Everything that happened to it, by whom, newest first. */
export function RolloutTimeline({ rollout, first }: { readonly rollout: Rollout; readonly first: boolean }) {
  const since = new Date(new Date(rollout.created_at).getTime() - beforeMs).toISOString();
  const { data, error, refetch } = useQuery(trailSinceQuery(since));
  const entries = data ? entriesOf(data.entries, rollout) : [];
  return (
    <Section title="Timeline" first={first}>
      {error ? (
        <ErrorState title="The timeline could not be read" {...faultOf(error)} onRetry={() => void refetch()} />
      ) : !data ? (
        <RowSkeletons rows={4} height={48} />
      ) : (
        <ol className={classes.timeline}>
          {entries.map((entry) => (
            <li key={entry.seq}>
              <span className={classes.mark}>
                {entry.actor === 'controller' ? (
                  <IconSettingsAutomation size={16} aria-hidden />
                ) : (
                  <PersonMark name={entry.actor} size={20} />
                )}
              </span>
              <div>
                <p>
                  <strong>{entry.actor === 'controller' ? 'The controller' : entry.actor}</strong> {eventWords(entry)}
                </p>
                <Time at={entry.at} />
              </div>
            </li>
          ))}
        </ol>
      )}
      {data && !data.complete ? (
        <p className={classes.quiet}>So much has happened since that its beginning is only in the audit trail.</p>
      ) : null}
    </Section>
  );
}
