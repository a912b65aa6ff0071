import { AppShell, Drawer, Loader } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { startLive, stopLive } from '../api/live.js';
import { Banners } from './Banners.js';
import { Navigation } from './Navigation.js';
import classes from './Shell.module.css';
import { TopBar } from './TopBar.js';

const Palette = lazy(() => import('./Palette.js'));

/** What stands around every page: navigation, top bar, banners, and the command palette once it is asked for. */
export function Shell() {
  const [menuOpened, menu] = useDisclosure(false);
  const [paletteAsked, setPaletteAsked] = useState(0);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const openPalette = (): void => setPaletteAsked((times) => times + 1);
  useHotkeys([['mod+K', openPalette]], []);
  useEffect(() => {
    startLive();
    return stopLive;
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when it has led somewhere
  useEffect(() => menu.close(), [path]);
  return (
    <AppShell
      layout="alt"
      header={{ height: 48 }}
      navbar={{ width: 200, breakpoint: 640, collapsed: { mobile: true } }}
      padding={0}
      transitionDuration={0}
    >
      <a href="#main" className={classes.skip}>
        Skip to content
      </a>
      <AppShell.Navbar className={classes.navigation}>
        <Navigation />
      </AppShell.Navbar>
      <AppShell.Header className={classes.header}>
        <TopBar onMenu={menu.open} onPalette={openPalette} />
      </AppShell.Header>
      <AppShell.Main id="main" tabIndex={-1} className={classes.main}>
        <Banners />
        <Suspense fallback={<Loader size="sm" className={classes.loader} aria-label="Loading the page" />}>
          <Outlet />
        </Suspense>
      </AppShell.Main>
      <Drawer.Root opened={menuOpened} onClose={menu.close} size={248}>
        <Drawer.Overlay />
        <Drawer.Content className={classes.sheet} aria-label="Navigation">
          <Drawer.Body className={classes.sheetBody}>
            <Navigation />
          </Drawer.Body>
        </Drawer.Content>
      </Drawer.Root>
      {paletteAsked > 0 ? (
        <Suspense fallback={null}>
          <Palette asked={paletteAsked} />
        </Suspense>
      ) : null}
    </AppShell>
  );
}
