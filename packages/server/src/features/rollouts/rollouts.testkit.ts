import type { Bundle, RolloutDocument } from '@policy-studio/contract';
import type { TestServerOptions } from '../../server.testkit.js';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';
import { tickRollouts } from './controller.js';

export const hourMs = 3_600_000;

/** Rules of the bundle that is in force first, of a candidate that decides alike, and of one that denies everything. */
export const before = [rule('one'), rule('two', { action: 'escalate' })];
export const alike = [...before, rule('three', { agent: 'planner.deploy', action: 'rollback', effect: 'deny' })];
export const strict = [rule('one', { effect: 'deny' }), rule('two', { action: 'escalate', effect: 'deny' })];

/** An office with a clock of its own, whose rollouts move when they are told to. */
export interface Yard extends Office {
  readonly otherOperator: string;
  readonly now: () => Date;
  advance(ms: number): void;
  /** One look of the controller, which has looked all the time before as well. */
  tick(): Promise<number>;
  /** A fresh version, drafted and activated with this share by Otto. */
  rollOut(rules: readonly unknown[], canaryPct: number, rest?: object): Promise<Bundle>;
  /** The newest rollout of a bundle. */
  rolloutOf(bundleId: number): Promise<RolloutDocument>;
  /** Asks as `sessions` different sessions, `each` times, and waits until all is recorded. */
  ask(sessions: number, each?: number): Promise<{ effect: string; arm: string }[]>;
  bundle(id: number): Promise<Bundle>;
  version(): string;
}

/** As if the controller had looked at all rollouts up to now. */
export async function hasLooked({ db }: Pick<Office, 'db'>, now: Date): Promise<void> {
  await db.pool.query('update rollout set looked_at = $1', [now]);
}

export async function openYard(options: TestServerOptions = {}): Promise<Yard> {
  let nowMs = Date.parse('2026-03-02T09:00:00Z');
  const now = () => new Date(nowMs);
  const office = await openOffice({ catalog: 'strict', clock: { now }, ...options });
  const { call } = office;
  const otherOperator = await office.createKey('operator', { owner: 'Olga' });
  let versions = 0;
  const version = () => `1.${versions++}.0`;
  return {
    ...office,
    otherOperator,
    now,
    version,
    advance(ms) {
      nowMs += ms;
    },
    async tick() {
      await hasLooked(office, now());
      return tickRollouts(office.services, now());
    },
    async rollOut(rules, canaryPct, rest = {}) {
      const { id } = await office.draft(version(), rules);
      // What a breach does is approved with the bundle.
      const onBreach = 'on_breach' in rest ? { on_breach: rest.on_breach } : {};
      const approval = await office.approved(id, { initial_pct: canaryPct, ...onBreach });
      const body = { approval_id: approval.id, canary_pct: canaryPct, ...rest };
      const answer = await call('activateBundle', { token: office.operator, params: { id }, body });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    async rolloutOf(bundleId) {
      const { rollouts } = (await call('listRollouts', { query: { bundle_id: bundleId } })).body;
      return (await call('getRollout', { params: { id: rollouts[0]?.id ?? 0 } })).body;
    },
    async ask(sessions, each = 1) {
      const requests = Array.from({ length: sessions * each }, (_, index) => ({
        agent: 'inbox.triage',
        action: index % 2 === 0 ? 'quarantine' : 'escalate',
        context: {},
        session: `session-${index % sessions}`,
      }));
      const answers: { effect: string; arm: string }[] = [];
      for (let from = 0; from < requests.length; from += 1000) {
        const { body } = await call('evaluateBatch', { body: { requests: requests.slice(from, from + 1000) } });
        answers.push(...(body.decisions as { effect: string; arm: string }[]));
      }
      return answers;
    },
    bundle: async (id) => (await call('getBundle', { params: { id } })).body,
  };
}

/** Where bundles stand: status, `active`, `canary_pct`, `traffic_pct`. */
export function placesIn(yard: Yard, ids: readonly number[]): Promise<[string, boolean, number, number][]> {
  return Promise.all(
    ids.map(async (id) => {
      const { status, active, canary_pct: canary, traffic_pct: traffic } = await yard.bundle(id);
      return [status, active, canary, traffic];
    }),
  );
}
