import { IconAlertTriangle, IconBolt, IconDatabaseOff, IconShieldLock, IconSnowflake } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { systemQuery } from '../api/queries/system.js';
import { durationText } from '../ui/figures.js';
import { Time } from '../ui/Time.js';
import { useNow } from '../ui/use-now.js';
import classes from './Banners.module.css';

/** What everybody must know whatever page they are on: switches, freezes, a database that is away. */
export function Banners() {
  const { data: system, isError } = useQuery(systemQuery);
  if (!system) {
    return isError ? (
      <Banner tone="warning" icon={<IconAlertTriangle size={16} />}>
        <strong>What is in force cannot be read now.</strong> It is tried again every 30 seconds.
      </Banner>
    ) : null;
  }
  const { pin, database, safe, freeze, stale_seconds } = system;
  return (
    <>
      {pin ? (
        <Banner tone={pin.effect === 'allow' ? 'deny' : 'warning'} icon={<IconBolt size={16} />}>
          <strong>The policy is switched off: everything is {pin.effect === 'allow' ? 'allowed' : 'denied'}.</strong>{' '}
          <TimeLeft until={pin.until} /> left. {pin.reason}
          {pin.started_by ? ` (${pin.started_by})` : ''}
        </Banner>
      ) : null}
      {safe && !pin ? (
        <Banner tone="deny" icon={<IconShieldLock size={16} />}>
          <strong>The built-in safe bundle is in force: everything is denied.</strong> Activate a bundle, or roll back
          to one.
        </Banner>
      ) : null}
      {database === 'away' ? (
        <Banner tone="warning" icon={<IconDatabaseOff size={16} />}>
          <strong>The database is away.</strong> Decisions go on from what was in force {durationText(stale_seconds)}{' '}
          ago; nothing can be changed.
        </Banner>
      ) : null}
      {freeze ? (
        <Banner tone="accent" icon={<IconSnowflake size={16} />}>
          <strong>
            A freeze is on
            {freeze.until === null ? (
              ''
            ) : (
              <>
                {' '}
                until <Time at={freeze.until} />
              </>
            )}
            .
          </strong>{' '}
          {freeze.windows.map(({ name }) => name).join(', ')}: no activation and no promotion; rolling back goes on.
        </Banner>
      ) : null}
    </>
  );
}

function TimeLeft({ until }: { readonly until: string }) {
  const now = useNow(1_000);
  return <span className="figures">{durationText((new Date(until).getTime() - now.getTime()) / 1000)}</span>;
}

interface BannerProps {
  readonly tone: 'deny' | 'warning' | 'accent';
  readonly icon: ReactNode;
  readonly children: ReactNode;
}

function Banner({ tone, icon, children }: BannerProps) {
  return (
    <div className={classes.banner} data-tone={tone} role="status">
      <span className={classes.icon}>{icon}</span>
      <p className={classes.text}>{children}</p>
    </div>
  );
}
