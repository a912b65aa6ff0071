import { letAgentsAct } from '../demo/agents.js';
import { forgetSessions } from '../features/access/retention.js';
import { expireApprovals } from '../features/approvals/expire.js';
import { remindApprovers } from '../features/approvals/remind.js';
import { tellBreaches } from '../features/budgets/breaches.js';
import { deliverDue, forgetDeliveries } from '../features/channels/deliver.js';
import { foldEvidence } from '../features/decisions/evidence.js';
import { ensurePartitionsAhead } from '../features/decisions/partitions.js';
import { applyRetention, forgetRequestIds } from '../features/decisions/retention.js';
import { compactRollups } from '../features/decisions/rollups.js';
import { expireBundlePins } from '../features/emergency/bundle-pin.js';
import { expirePins } from '../features/emergency/commands.js';
import { leaveCheckpoints } from '../features/events/checkpoint.js';
import { forgetJobs } from '../features/jobs/retention.js';
import { runNextJob } from '../features/jobs/run.js';
import { tickRollouts } from '../features/rollouts/controller.js';
import { forgetAnswers } from '../features/rollouts/idempotency.js';
import { jobWork } from '../features/simulation/job.js';
import { eraseWorkspaces, noteStorage } from '../features/workspaces/erase.js';
import type { Services } from '../services.js';

/** Work that comes round. Any server may run any of it at any time, several at once: each run is safe on its own. */
export interface Job {
  readonly name: string;
  readonly everyMs: number;
  /** One run. What it throws is logged, and it is run again in its turn. */
  run(services: Services, now: Date): Promise<unknown>;
}

const second = 1_000;
const minute = 60 * second;

/** Moves rollouts on, holds them and takes them back. */
export const rolloutTick: Job = { name: 'rollouts.tick', everyMs: 5 * second, run: tickRollouts };

/** Every job of the server, each to be run once at start and then in its turn, never twice at a time. */
export const jobs: readonly Job[] = [
  { name: 'enforcement.poll', everyMs: 5 * second, run: ({ enforcement }) => enforcement.poll() },
  rolloutTick,
  { name: 'rollouts.answers', everyMs: 30 * minute, run: ({ db }, now) => forgetAnswers(db.pool, now) },
  { name: 'access.denials', everyMs: second, run: ({ denials }, now) => denials.write(now) },
  { name: 'access.retention', everyMs: 5 * minute, run: ({ db }, now) => forgetSessions(db.pool, now.getTime()) },
  { name: 'approvals.expire', everyMs: minute, run: expireApprovals },
  { name: 'approvals.remind', everyMs: 15 * second, run: remindApprovers },
  { name: 'emergency.expire', everyMs: second, run: expirePins },
  { name: 'emergency.expire_bundle_pins', everyMs: second, run: expireBundlePins },
  { name: 'replicas.acknowledge', everyMs: second, run: ({ presence }) => presence.acknowledge() },
  {
    name: 'enforcement.poll_unheard',
    everyMs: second / 2,
    run: async ({ enforcement, listener }) => {
      if (!listener.connected) await enforcement.poll();
    },
  },
  { name: 'budgets.breaches', everyMs: second, run: tellBreaches },
  { name: 'workspaces.standing', everyMs: 5 * second, run: ({ standings }) => standings.refresh() },
  { name: 'workspaces.storage', everyMs: minute, run: noteStorage },
  { name: 'workspaces.erase', everyMs: minute, run: eraseWorkspaces },
  { name: 'demo.agents', everyMs: 2 * second, run: letAgentsAct },
  { name: 'channels.deliver', everyMs: second / 2, run: deliverDue },
  { name: 'channels.retention', everyMs: 5 * minute, run: ({ db }, now) => forgetDeliveries(db.pool, now.getTime()) },
  { name: 'audit.checkpoint', everyMs: 5 * minute, run: leaveCheckpoints },
  // Long work that was asked for. One at a time: its threads leave a core to decisions.
  { name: 'jobs.work', everyMs: second / 2, run: (services) => runNextJob(services, jobWork) },
  { name: 'jobs.retention', everyMs: minute, run: ({ db }, now) => forgetJobs(db.pool, now.getTime()) },
  { name: 'decisions.recover', everyMs: second, run: ({ recorder }) => recorder.recover() },
  {
    name: 'decisions.partitions',
    everyMs: 30 * minute,
    run: ({ db }, now) => ensurePartitionsAhead(db.pool, now.getTime(), 3),
  },
  { name: 'decisions.rollups', everyMs: 10 * second, run: ({ db }, now) => compactRollups(db.pool, now.getTime()) },
  { name: 'decisions.evidence', everyMs: 2 * second, run: ({ db }) => foldEvidence(db.pool) },
  { name: 'decisions.request_ids', everyMs: minute, run: ({ db }, now) => forgetRequestIds(db.pool, now.getTime()) },
  {
    name: 'decisions.retention',
    everyMs: 5 * minute,
    run: ({ db, config }, now) => applyRetention(db.pool, config, now.getTime()),
  },
];
