import type { Decision } from '@policy-studio/contract';
import { Counter, Histogram, Registry } from 'prom-client';

/** Bundles of a workspace that are told apart; the one that decided least recently is left out first. */
export const meteredBundles = 20;

/** Counts the decisions this server made since it started, for each workspace by itself. */
export interface DecisionMeter {
  /** Counts one recorded decision, which took this long from the question to the record. */
  count(workspaceId: number, decision: Pick<Decision, 'effect' | 'arm' | 'bundle'>, seconds: number): void;
  /** The counts of a workspace in Prometheus' text format. */
  text(workspaceId: number): Promise<string>;
}

interface Meter {
  readonly registry: Registry;
  readonly total: Counter<'effect' | 'arm' | 'bundle'>;
  readonly duration: Histogram;
  /** Labels in use by bundle, the one that decided last at the end. */
  readonly bundles: Map<string, Map<string, Labels>>;
}

interface Labels extends Record<'effect' | 'arm' | 'bundle', string> {}

export function createDecisionMeter(): DecisionMeter {
  const meters = new Map<number, Meter>();
  const meterOf = (workspaceId: number): Meter => {
    const known = meters.get(workspaceId);
    if (known) return known;
    const made = newMeter();
    meters.set(workspaceId, made);
    return made;
  };
  return {
    count(workspaceId, { effect, arm, bundle }, seconds) {
      const meter = meterOf(workspaceId);
      const labels = { effect, arm, bundle: bundle?.version ?? 'none' };
      meter.total.inc(labels);
      meter.duration.observe(seconds);
      noteBundle(meter, labels);
    },
    text: (workspaceId) => meterOf(workspaceId).registry.metrics(),
  };
}

function newMeter(): Meter {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    total: new Counter({
      name: 'policy_decisions_total',
      help: 'Decisions made by this server, by enforced effect, arm of the rollout and version of the bundle',
      labelNames: ['effect', 'arm', 'bundle'],
      registers,
    }),
    duration: new Histogram({
      name: 'policy_decision_duration_seconds',
      help: 'From the question to the recorded answer; the decisions of a batch share the time of the batch',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    bundles: new Map(),
  };
}

function noteBundle({ bundles, total }: Meter, labels: Labels): void {
  const used = bundles.get(labels.bundle) ?? new Map<string, Labels>();
  used.set(`${labels.effect} ${labels.arm}`, labels);
  bundles.delete(labels.bundle);
  bundles.set(labels.bundle, used);
  if (bundles.size <= meteredBundles) return;
  const [oldest] = bundles;
  if (!oldest) return;
  for (const one of oldest[1].values()) total.remove(one);
  bundles.delete(oldest[0]);
}
