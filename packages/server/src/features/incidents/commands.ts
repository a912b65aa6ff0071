import {
  type BodyOf,
  type Incident,
  maxIncidentDetailsBytes,
  type operations,
  type PostMortem,
} from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { postMortemMarkdown } from './post-mortem.js';
import { changesBetween, incidentById, incidentDocument } from './queries.js';
import { lockIncidents, openIncident, writeChange } from './transaction.js';
import { type IncidentCommand, incidentTransition } from './transition.js';

/** Opens an incident from outside, or adds to the one of its key. */
export async function createIncident(
  { db, clock }: Services,
  caller: Caller,
  body: BodyOf<typeof operations.createIncident>,
): Promise<Incident | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  const { details = {} } = body;
  const bytes = Buffer.byteLength(JSON.stringify(details));
  if (bytes > maxIncidentDetailsBytes) {
    const message = `takes ${bytes} bytes as JSON, at most ${maxIncidentDetailsBytes} fit`;
    return invalid([{ path: '/details', message }]);
  }
  return withTransaction(db.pool, async (tx) => {
    const { id } = await openIncident(tx, {
      workspaceId,
      kind: body.kind ?? 'manual',
      key: body.key ?? null,
      severity: body.severity,
      summary: body.summary,
      details,
      ...(body.playbooks ? { playbooks: body.playbooks } : {}),
      source: 'external',
      tiedToPolicy: body.tied_to_policy ?? true,
      at: now,
      actor: owner,
    });
    return (await incidentDocument(tx, workspaceId, id)) as Incident;
  });
}

/** Takes an incident a step on, comments on it or assigns it; `comment` goes into the timeline. */
export async function changeIncident(
  { db, clock }: Services,
  caller: Caller,
  id: number,
  command: IncidentCommand,
  comment = '',
): Promise<Incident | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  return withTransaction(db.pool, async (tx) => {
    await lockIncidents(tx, workspaceId);
    const row = await incidentById(tx, workspaceId, id);
    if (!row) return noIncident(id);
    const { status, severity, assigned_to: assignedTo } = row;
    const change = incidentTransition({ status, severity, assignedTo }, command);
    if ('refused' in change) return refuse(change.refused, `incident ${id}: ${change.detail}`);
    const data = change.assignedTo === assignedTo ? {} : { assigned_to: change.assignedTo };
    await writeChange(tx, { workspaceId, row, change, at: now, actor: owner, text: comment, data });
    return (await incidentDocument(tx, workspaceId, id)) as Incident;
  });
}

/** Changes before the incident that may have led to it. */
const leadMs = 3_600_000;
const changesTold = 200;

/** The draft of an incident's post-mortem as of now. */
export async function draftPostMortem(
  { db, clock }: Services,
  caller: Caller,
  id: number,
): Promise<PostMortem | Refusal> {
  const now = clock.now();
  const { workspaceId, workspace } = caller;
  const incident = await incidentDocument(db.pool, workspaceId, id);
  if (!incident) return noIncident(id);
  const until = incident.resolved_at ?? incident.closed_at;
  const changes = await changesBetween(db.pool, workspaceId, {
    from: new Date(Date.parse(incident.created_at) - leadMs),
    to: until === null ? now : new Date(until),
    limit: changesTold + 1,
  });
  return {
    incident_id: id,
    filename: `post-mortem-incident-${id}.md`,
    markdown: postMortemMarkdown(incident, {
      workspace,
      now,
      changes: changes.slice(0, changesTold),
      moreChanges: changes.length > changesTold,
    }),
  };
}

export function noIncident(id: number): Refusal {
  return refuse('not_found', `there is no incident ${id}; list them with GET /policy/incidents`);
}
