import {
  type IncidentAction,
  type IncidentEntryType,
  type IncidentStatus,
  incidentActions,
  incidentStatuses,
  type ProblemCode,
  risks,
  type Severity,
} from '@policy-studio/contract';

export interface IncidentState {
  readonly status: IncidentStatus;
  readonly severity: Severity;
  readonly assignedTo: string | null;
}

export type IncidentCommand =
  | { readonly type: 'acknowledge' | 'mitigate' | 'resolve' | 'close' | 'comment'; readonly by: string }
  | { readonly type: 'assign'; readonly to: string | null }
  /** It was opened again while not closed. */
  | { readonly type: 'repeat'; readonly severity: Severity };

/** The state afterwards, and what the timeline calls it. */
export interface IncidentChange extends IncidentState {
  readonly entry: IncidentEntryType;
}

export type IncidentRefusal = { readonly refused: ProblemCode; readonly detail: string };

/** The steps of an incident: forwards only. A false alarm need not be acknowledged, but nothing closes unresolved. */
const steps = {
  acknowledge: { from: ['open'], to: 'acknowledged' },
  mitigate: { from: ['open', 'acknowledged'], to: 'mitigated' },
  resolve: { from: ['open', 'acknowledged', 'mitigated'], to: 'resolved' },
  close: { from: ['resolved'], to: 'closed' },
} as const satisfies Record<string, { from: readonly IncidentStatus[]; to: IncidentStatus }>;

const notClosed = incidentStatuses.filter((status) => status !== 'closed');

/** What `command` makes of an incident, or why it is refused. */
export function incidentTransition(state: IncidentState, command: IncidentCommand): IncidentChange | IncidentRefusal {
  switch (command.type) {
    case 'comment':
      return { ...state, entry: 'commented' };
    case 'assign':
      if (state.status === 'closed') return refusedAs('assigned', state.status, notClosed);
      return { ...state, assignedTo: command.to, entry: 'assigned' };
    case 'repeat':
      return repeated(state, command.severity);
    case 'acknowledge':
    case 'mitigate':
    case 'resolve':
    case 'close': {
      const { from, to } = steps[command.type];
      if (!(from as readonly IncidentStatus[]).includes(state.status)) return refusedAs(to, state.status, from);
      const assignedTo = command.type === 'acknowledge' ? (state.assignedTo ?? command.by) : state.assignedTo;
      return { ...state, status: to, assignedTo, entry: to };
    }
  }
}

/** What was believed to be over and is not needs somebody again; what somebody looks after stays with them. */
function repeated(state: IncidentState, severity: Severity): IncidentChange | IncidentRefusal {
  const higher = risks.indexOf(severity) > risks.indexOf(state.severity) ? severity : state.severity;
  switch (state.status) {
    case 'closed':
      return refusedAs('opened again', state.status, notClosed);
    case 'mitigated':
    case 'resolved':
      return { ...state, status: 'open', severity: higher, entry: 'reopened' };
    case 'open':
    case 'acknowledged':
      return { ...state, severity: higher, entry: higher === state.severity ? 'repeated' : 'escalated' };
  }
}

/** What a person can do with an incident of this status, as `incidentTransition` has it. */
export function allowedActions(status: IncidentStatus): IncidentAction[] {
  const state: IncidentState = { status, severity: 'low', assignedTo: null };
  return incidentActions.filter((type) => {
    const command: IncidentCommand = type === 'assign' ? { type, to: null } : { type, by: '' };
    return !('refused' in incidentTransition(state, command));
  });
}

function refusedAs(done: string, status: IncidentStatus, from: readonly IncidentStatus[]): IncidentRefusal {
  const needed = from.map((each) => `\`${each}\``).join(', ');
  return { refused: 'incident_status', detail: `it is \`${status}\`; what can be ${done} is ${needed}` };
}
