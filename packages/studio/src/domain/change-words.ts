/** A change of the workspace as the audit trail keeps it. */
export interface Change {
  readonly kind: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const verbs: Readonly<Record<string, string>> = {
  'bundle.created': 'wrote',
  'bundle.updated': 'changed',
  'bundle.deleted': 'deleted',
  'bundle.archived': 'archived',
  'bundle.imported': 'imported',
  'bundle.exported': 'exported',
  'bundle.activated': 'activated',
  'rollout.started': 'started the rollout of',
  'rollout.promoted': 'promoted',
  'rollout.paused': 'paused the rollout of',
  'rollout.resumed': 'resumed the rollout of',
  'rollout.completed': 'completed the rollout of',
  'rollout.rolled_back': 'rolled back',
  'rollout.held': 'holds the rollout of',
  'rollout.released': 'goes on with the rollout of',
  'rollout.signed_off': 'signed off',
  'rollout.skip_asked': 'asked to skip the gates of',
  'approval.requested': 'asked for approval of',
  'approval.approved': 'approved',
  'approval.rejected': 'rejected',
  'approval.canceled': 'withdrew',
  'approval.used': 'used the approval of',
  'approval.expired': 'let expire the request for',
  'incident.opened': 'opened',
  'incident.acknowledged': 'took on',
  'incident.mitigated': 'mitigated',
  'incident.resolved': 'resolved',
  'incident.closed': 'closed',
  'system.disabled': 'switched the policy off',
  'system.enabled': 'switched the policy on again',
  'settings.changed': 'changed the settings',
  'catalog.imported': 'imported tools into the catalog',
};

/** Whether it is about people coming and going, or the trail itself: kept, and left out where the news is told. */
export function isRoutine({ kind }: Pick<Change, 'kind'>): boolean {
  return /^(session|audit|access)\./.test(kind);
}

/** A change as a clause after its actor: `activated 2.2.0`. Kinds without words of their own read as they are named. */
export function changeWords({ kind, subject, data }: Change): string {
  const verb = verbs[kind];
  if (verb === undefined) return `${kind.replace('.', ' ').replaceAll('_', ' ')} ${subject.split('/')[1] ?? ''}`.trim();
  const thing = thingOf(subject, data);
  return thing === '' ? verb : `${verb} ${thing}`;
}

function thingOf(subject: string, data: Readonly<Record<string, unknown>>): string {
  const [what = '', id = ''] = subject.split('/');
  if (typeof data.version === 'string') return data.version;
  switch (what) {
    case 'approval':
      return data.kind === 'action' ? `${String(data.agent)} ${String(data.action)}` : `request ${id}`;
    case 'system':
    case 'settings':
    case 'catalog':
      return '';
    default:
      return `${what.replaceAll('_', ' ')} ${id}`;
  }
}
