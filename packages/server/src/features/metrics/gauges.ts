import { Counter, Gauge, Registry } from 'prom-client';
import type { Services } from '../../services.js';
import { type Judged, judged, runningRollouts } from '../rollouts/queries.js';
import { settingsOf } from '../settings/queries.js';
import { workspaceFigures } from './queries.js';

type Reading = Pick<Services, 'db' | 'config' | 'enforcement'>;

/**
 * What the database knows of a workspace at `now`, in Prometheus' text format. Every server that shares it says the same,
 * so it is read with `max`. What is not known is absent, never 0: rates while nothing is decided, a budget nobody set, a
 * gate that is inconclusive.
 */
export async function gaugesText(services: Reading, workspaceId: number, now: Date): Promise<string> {
  const { pool } = services.db;
  const [figures, settings, { bundle }, [running]] = await Promise.all([
    workspaceFigures(pool, workspaceId, now),
    settingsOf(pool, services.config, workspaceId),
    services.enforcement.inForce(workspaceId),
    runningRollouts(pool, workspaceId),
  ]);
  const rollout = running ? await judged(pool, running, now) : null;
  const registry = new Registry();
  const { decisions, failed, denied, cost } = figures;
  const gauge = (name: string, help: string, value: number | null): void => {
    if (value !== null) new Gauge({ name, help, registers: [registry] }).set(value);
  };
  gauge(
    'policy_error_rate_5m',
    'Failed decisions, by evaluation or outcome, among those of the last 5 minutes',
    decisions === 0 ? null : failed / decisions,
  );
  gauge(
    'policy_deny_rate_5m',
    'Denied decisions among those of the last 5 minutes',
    decisions === 0 ? null : denied / decisions,
  );
  gauge('policy_cost_24h', 'USD that decisions of the last 24 hours cost, by outcome or reserved', cost);
  const budgets = [
    settings.cost_budget_24h,
    ...settings.caps.map(({ scope, spend }) => (scope === 'workspace' ? spend : null)),
  ];
  const lowest = Math.min(...budgets.map((usd) => usd ?? Number.POSITIVE_INFINITY));
  gauge(
    'policy_cost_budget',
    'USD that a day of the workspace may cost (settings cost_budget_24h and caps)',
    Number.isFinite(lowest) ? lowest : null,
  );
  gauge(
    'policy_canary_pct',
    'Share of requests that the newest bundle decides, in percent; 100 when no rollout runs, 0 with no bundle in force',
    running ? running.share_pct : bundle ? 100 : 0,
  );
  gates(registry, rollout);
  new Counter({
    name: 'policy_rollbacks_total',
    help: 'Rollouts of the workspace that were rolled back',
    registers: [registry],
  }).inc(figures.rollbacks);
  gauge(
    'policy_rollback_failures',
    'Rollbacks that are due and fail or have nowhere to go, are not in force on every server, or went to a bundle that fails as well',
    figures.stranded + figures.unhealthyTargets + figures.failedRollbacks,
  );
  gauge('policy_approvals_pending', 'Approvals that wait for people', figures.approvalsPending);
  return registry.metrics();
}

function gates(registry: Registry, rollout: Judged | null): void {
  const gauge = new Gauge({
    name: 'policy_canary_gate_passed',
    help: 'Gates of the rollout that runs: 1 pass, 0 fail, absent while inconclusive',
    labelNames: ['gate'],
    registers: [registry],
  });
  for (const { gate, verdict } of rollout?.gates ?? []) {
    if (verdict !== 'inconclusive') gauge.set({ gate }, verdict === 'pass' ? 1 : 0);
  }
}
