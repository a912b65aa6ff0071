import { Text } from '@mantine/core';
import { useSession } from '../api/session.js';
import { Mark } from './Mark.js';
import classes from './WorkspaceName.module.css';

/** Whose policy this is. */
export function WorkspaceName() {
  const session = useSession();
  return (
    <div className={classes.workspace}>
      <Mark size={20} />
      <Text fw={600} truncate title={session?.workspace}>
        {session?.workspace ?? ''}
      </Text>
    </div>
  );
}
