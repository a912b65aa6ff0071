import type { Caller } from '../caller.js';
import { inWorkspace } from '../database/scope.js';
import { evaluate } from '../features/decisions/evaluate.js';
import { reportOutcome } from '../features/decisions/outcome.js';
import { Refusal } from '../refusal.js';
import type { Services } from '../services.js';
import { forPeople, question } from './traffic.js';

/** At most one question in this time, whatever the number of servers. */
const paceMs = 10_000;
/** One question in so many is one for people; which of them, follows from it as well. */
const forPeopleEvery = 60;

/** Lets the agents of the demo ask one question, and tell how it went, if it is time; returns how many asked. */
export async function letAgentsAct(services: Services, now: Date): Promise<number> {
  const { rows } = await services.db.pool.query<{ workspace_id: number; name: string; agent_key_id: number }>(
    `update demo set acted_at = $1 from workspace w
      where w.id = demo.workspace_id and w.read_only_at is null and w.archived_at is null
        and demo.seeded_at is not null and demo.agent_key_id is not null and demo.acted_at <= $2
      returning demo.workspace_id, w.name, demo.agent_key_id`,
    [now, new Date(now.getTime() - paceMs)],
  );
  for (const { workspace_id: workspaceId, name, agent_key_id: keyId } of rows) {
    const caller: Caller = {
      workspaceId,
      workspace: name,
      owner: 'demo agents',
      role: 'agent',
      keyId,
      agents: ['*'],
    };
    await inWorkspace(workspaceId, () => act(services, caller, Math.floor(now.getTime() / paceMs)));
  }
  return rows.length;
}

async function act(services: Services, caller: Caller, turn: number): Promise<void> {
  const asked = turn % forPeopleEvery === 0 ? forPeople[(turn / forPeopleEvery) % forPeople.length] : undefined;
  const decision = await evaluate(services, caller, asked ?? question(turn));
  if (decision instanceof Refusal) {
    services.log.debug({ workspace: caller.workspace, code: decision.code }, 'an agent of the demo was refused');
    return;
  }
  if (decision.effect !== 'allow' || decision.decision_id === null) return;
  const failed = turn % 53 === 0;
  await reportOutcome(services, caller, decision.decision_id, {
    status: failed ? 'error' : 'success',
    ...(failed ? { message: 'the mail server did not answer' } : {}),
  });
}
