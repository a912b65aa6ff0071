import { ActionIcon, UnstyledButton } from '@mantine/core';
import { IconChevronRight, IconMenu2, IconSearch } from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import { KeyHint } from '../ui/KeyHint.js';
import { useCurrentPageTitle } from '../ui/page-title.js';
import { LiveIndicator } from './LiveIndicator.js';
import { PersonMenu } from './PersonMenu.js';
import { navigation } from './pages.js';
import { SchemeMenu } from './SchemeMenu.js';
import classes from './TopBar.module.css';

interface TopBarProps {
  readonly onMenu: () => void;
  readonly onPalette: () => void;
}

/** Where one is, the way to anywhere else, whether what is shown is up to date, and who one is. */
export function TopBar({ onMenu, onPalette }: TopBarProps) {
  return (
    <div className={classes.bar}>
      <ActionIcon className={classes.menu ?? ''} onClick={onMenu} aria-label="Open the navigation">
        <IconMenu2 size={18} />
      </ActionIcon>
      <Place />
      <UnstyledButton className={classes.search} onClick={onPalette} aria-label="Search or run a command">
        <IconSearch size={16} aria-hidden />
        <span className={classes.searchText}>Search or run a command</span>
        <span className={classes.keys}>
          <KeyHint keys="mod+K" />
        </span>
      </UnstyledButton>
      <LiveIndicator />
      <SchemeMenu />
      <PersonMenu />
    </div>
  );
}

/** The page's part of the navigation, and where it is deeper than that, its own title. */
function Place() {
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const title = useCurrentPageTitle();
  const parent = navigation.flat().find(({ to }) => to !== '/' && path.startsWith(to));
  const deeper = parent !== undefined && path.replace(/\/$/, '') !== parent.to;
  return (
    <nav aria-label="Where you are" className={classes.place}>
      {deeper ? (
        <>
          <Link to={parent.to} className={classes.parent}>
            {parent.title}
          </Link>
          <IconChevronRight size={14} aria-hidden />
        </>
      ) : null}
      <span className={classes.here} aria-current="page">
        {title}
      </span>
    </nav>
  );
}
