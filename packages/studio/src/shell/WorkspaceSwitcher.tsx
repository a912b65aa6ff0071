import { Menu, Text, UnstyledButton } from '@mantine/core';
import { IconCheck, IconSelector } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { workspacesQuery } from '../api/queries/workspaces.js';
import { chooseWorkspace, useSession } from '../api/session.js';
import { paths } from '../paths.js';
import { Mark } from './Mark.js';
import classes from './WorkspaceSwitcher.module.css';

/** Whose policy this is; where there are several to look at, the way to another. */
export function WorkspaceSwitcher() {
  const session = useSession();
  const navigate = useNavigate();
  const { data } = useQuery(workspacesQuery);
  if (session === null) return null;
  const workspaces = data?.workspaces ?? [];
  const name = (
    <>
      <Mark size={20} />
      <Text fw={600} truncate title={session.workspace} flex={1}>
        {session.workspace}
      </Text>
    </>
  );
  if (workspaces.length < 2) return <div className={classes.workspace}>{name}</div>;
  const choose = (workspace: string): void => {
    // What the address names is of the workspace before.
    void navigate({ to: paths.overview }).then(() => chooseWorkspace(workspace));
  };
  return (
    <Menu position="bottom-start" width={200}>
      <Menu.Target>
        <UnstyledButton className={classes.workspace} aria-label={`Workspace ${session.workspace}, choose another`}>
          {name}
          <IconSelector size={16} color="var(--ps-secondary)" aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown mah={360} style={{ overflowY: 'auto' }}>
        {workspaces.map(({ name: each, status }) => (
          <Menu.Item
            key={each}
            rightSection={each === session.workspace ? <IconCheck size={16} aria-label="chosen" /> : null}
            onClick={() => choose(each)}
          >
            {each}
            {status === 'active' ? null : (
              <Text span size="xs" c="dimmed">
                {' '}
                {status}
              </Text>
            )}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
