import { Text } from '@mantine/core';
import { IconCircleCheck, IconListDetails, IconRobot, IconRocket, IconSettings, IconUrgent } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Answer } from '../../api/client.js';
import { pendingApprovalsQuery } from '../../api/queries/approvals.js';
import { openIncidentsQuery } from '../../api/queries/incidents.js';
import { faultOf } from '../../api/query-client.js';
import { durationText } from '../../ui/figures.js';
import { Quoted } from '../../ui/Quoted.js';
import { ErrorState, RowSkeletons } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';
import { useNow } from '../../ui/use-now.js';
import classes from './WaitingForPeople.module.css';

type Approval = Answer<'approvals', 'listApprovals'>['approvals'][number];
type Incident = Answer<'incidents', 'listIncidents'>['incidents'][number];

/** As many of each as are shown; the navigation counts by the same reads. */
const shown = 5;
/** Below it the time left is the thing to see. */
const urgentSeconds = 5 * 60;

/** Requests and incidents that nobody has dealt with: what runs out first comes first, then what is worst. */
export function WaitingForPeople() {
  const approvals = useQuery(pendingApprovalsQuery(shown));
  const incidents = useQuery(openIncidentsQuery(shown));
  const error = approvals.error ?? incidents.error;
  if (error) {
    const retry = (): void => void Promise.all([approvals.refetch(), incidents.refetch()]);
    return <ErrorState title="What waits could not be read" {...faultOf(error)} onRetry={retry} />;
  }
  if (!approvals.data || !incidents.data) return <RowSkeletons rows={3} height={53} />;
  const asked = [...approvals.data.approvals].sort((a, b) => (a.expires_at < b.expires_at ? -1 : 1));
  if (asked.length + incidents.data.incidents.length === 0) {
    return (
      <Text c="dimmed" className={classes.nothing}>
        <IconCircleCheck size={16} aria-hidden /> Nothing waits, and no incident is open.
      </Text>
    );
  }
  const more = approvals.data.total + incidents.data.total - asked.length - incidents.data.incidents.length;
  return (
    <>
      <ul className={classes.list}>
        {asked.map((approval) => (
          <ApprovalRow key={`a${approval.id}`} approval={approval} />
        ))}
        {incidents.data.incidents.map((incident) => (
          <IncidentRow key={`i${incident.id}`} incident={incident} />
        ))}
      </ul>
      {more > 0 ? (
        <Text size="xs" c="dimmed" mt={8}>
          and {more} more
        </Text>
      ) : null}
    </>
  );
}

function ApprovalRow({ approval }: { readonly approval: Approval }) {
  const now = useNow(5_000);
  const left = (new Date(approval.expires_at).getTime() - now.getTime()) / 1000;
  const { icon, title } = askedFor(approval);
  return (
    <Row
      icon={icon}
      title={title}
      time={left > 0 ? `${durationText(left)} left` : 'runs out now'}
      urgent={left < urgentSeconds}
      meta={`${approval.requested_by} asks, ${approval.risk} risk, ${approval.approvals_given} of ${approval.quorum}`}
    />
  );
}

function askedFor({ kind, bundle_id, subject }: Approval): { icon: ReactNode; title: string } {
  switch (kind) {
    case 'action':
      return { icon: <IconRobot size={16} />, title: `${String(subject.agent)} wants to ${String(subject.action)}` };
    case 'activation':
      return { icon: <IconRocket size={16} />, title: `Activate ${String(subject.version ?? `bundle ${bundle_id}`)}` };
    case 'list':
      return {
        icon: <IconListDetails size={16} />,
        title: `List ${String(subject.name ?? subject.list ?? '')} changes`,
      };
    default:
      return { icon: <IconSettings size={16} />, title: 'Settings change' };
  }
}

function IncidentRow({ incident }: { readonly incident: Incident }) {
  const { summary, severity, assigned_to, id, created_at } = incident;
  return (
    <Row
      icon={<IconUrgent size={16} />}
      title={summary}
      time={<Time at={created_at} as="relative" />}
      urgent={severity === 'critical'}
      meta={`Incident ${id}, ${severity}, ${assigned_to ?? 'nobody assigned'}`}
    />
  );
}

interface RowProps {
  readonly icon: ReactNode;
  readonly title: string;
  readonly time: ReactNode;
  readonly urgent: boolean;
  readonly meta: string;
}

function Row({ icon, title, time, urgent, meta }: RowProps) {
  return (
    <li className={classes.row}>
      <span className={classes.icon}>{icon}</span>
      <span className={classes.title}>
        <Quoted text={title} />
      </span>
      <span className={classes.time} data-urgent={urgent || undefined}>
        {time}
      </span>
      <span className={classes.meta}>{meta}</span>
    </li>
  );
}
