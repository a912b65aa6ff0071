import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { latestChangesQuery } from '../../api/queries/audit.js';
import { faultOf } from '../../api/query-client.js';
import { changeWords, isRoutine } from '../../domain/change-words.js';
import { PersonMark } from '../../domain/people.js';
import { ErrorState, RowSkeletons } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';
import classes from './LatestChanges.module.css';

const shown = 8;
/** Read, so that enough are left without those who came and went. */
const read = 50;

/** Who changed what, newest first. */
export function LatestChanges() {
  const { data, error, refetch } = useQuery(latestChangesQuery(read));
  if (error) {
    return <ErrorState title="The changes could not be read" {...faultOf(error)} onRetry={() => void refetch()} />;
  }
  if (!data) return <RowSkeletons rows={shown} height={37} />;
  const news = data.entries.filter((entry) => !isRoutine(entry)).slice(0, shown);
  if (news.length === 0) {
    return <Text c="dimmed">Nothing has changed in this workspace yet. What people do will stand here.</Text>;
  }
  return (
    <ol className={classes.list}>
      {news.map((entry) => (
        <li key={entry.seq} className={classes.row}>
          <PersonMark name={entry.actor} size={20} />
          <span className={classes.words}>
            <strong>{entry.actor}</strong> {changeWords(entry)}
          </span>
          <span className={classes.time}>
            <Time at={entry.at} as="relative" />
          </span>
        </li>
      ))}
    </ol>
  );
}
