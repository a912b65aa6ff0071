import { Menu, Text, UnstyledButton } from '@mantine/core';
import { IconBook, IconLogout } from '@tabler/icons-react';
import { signOut, useSession } from '../api/session.js';
import { PersonMark } from '../domain/people.js';

/** Who is signed in, and the way out. */
export function PersonMenu() {
  const session = useSession();
  if (session === null) return null;
  const { person, role } = session;
  return (
    <Menu width={220}>
      <Menu.Target>
        <UnstyledButton aria-label={`${person}, ${role}`} style={{ borderRadius: 999 }}>
          <PersonMark name={person} size={24} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label component="div">
          <Text fw={600} c="var(--ps-ink)" truncate>
            {person}
          </Text>
          <Text size="xs" c="dimmed">
            {role}
          </Text>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item leftSection={<IconBook size={16} />} component="a" href="/docs" target="_blank">
          HTTP interface
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
