import { UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { pendingApprovalsQuery } from '../api/queries/approvals.js';
import { openIncidentsQuery } from '../api/queries/incidents.js';
import { numberText } from '../ui/figures.js';
import { InForce } from './InForce.js';
import classes from './Navigation.module.css';
import { type NavigationPage, navigation } from './pages.js';
import { WorkspaceSwitcher } from './WorkspaceSwitcher.js';

/** Where one can go, with what waits there; at its foot what is in force. */
export function Navigation() {
  return (
    <nav className={classes.navigation} aria-label="Pages">
      <WorkspaceSwitcher />
      <div className={classes.groups}>
        {navigation.map((group) => (
          <ul key={group[0]?.title} className={classes.group}>
            {group.map((page) => (
              <li key={page.to}>
                <NavigationLink {...page} />
              </li>
            ))}
          </ul>
        ))}
      </div>
      <InForce />
    </nav>
  );
}

function NavigationLink({ to, title, Icon, count }: NavigationPage) {
  return (
    <UnstyledButton
      className={classes.link}
      renderRoot={(props) => <Link to={to} activeOptions={{ exact: to === '/' }} {...props} />}
    >
      <Icon size={16} stroke={1.5} className={classes.icon ?? ''} />
      <span className={classes.title}>{title}</span>
      {count ? <Count of={count} /> : null}
    </UnstyledButton>
  );
}

/** The same reads as the overview's, so that both say the same. */
export const waitingShown = 5;

function Count({ of }: { readonly of: 'approvals' | 'incidents' }) {
  const approvals = useQuery({ ...pendingApprovalsQuery(waitingShown), enabled: of === 'approvals' });
  const incidents = useQuery({ ...openIncidentsQuery(waitingShown), enabled: of === 'incidents' });
  const total = of === 'approvals' ? approvals.data?.total : incidents.data?.total;
  if (!total) return null;
  return (
    <span className={classes.count}>
      <span aria-hidden>{numberText(total)}</span>
      <span className={classes.heard}>{`, ${total} ${of === 'approvals' ? 'waiting' : 'open'}`}</span>
    </span>
  );
}
