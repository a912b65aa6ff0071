import { IconLayoutDashboard, IconListSearch, IconPackages, IconRocket } from '@tabler/icons-react';
import type { LinkProps } from '@tanstack/react-router';
import type { ComponentType } from 'react';
import { paths } from '../paths.js';

type Icon = ComponentType<{ size?: number; stroke?: number; className?: string }>;

/** One entry of the navigation. */
export interface NavigationPage {
  readonly to: NonNullable<LinkProps['to']>;
  readonly title: string;
  readonly Icon: Icon;
  /** What is counted beside it. */
  readonly count?: 'approvals' | 'incidents';
}

/** The navigation, in groups: what rules are, what they do, what they are about. A page is listed once it is there. */
export const navigation: readonly (readonly NavigationPage[])[] = [
  [
    { to: paths.overview, title: 'Overview', Icon: IconLayoutDashboard },
    { to: paths.bundles, title: 'Bundles', Icon: IconPackages },
    { to: paths.rollouts, title: 'Rollouts', Icon: IconRocket },
  ],
  [{ to: paths.decisions, title: 'Decisions', Icon: IconListSearch }],
];
