import type { Simulation } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import type { TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId } from '../decisions/in-force.testkit.js';

export const rules = [
  {
    id: 'deny-risky',
    agent: 'inbox.triage',
    action: '*',
    effect: 'deny',
    priority: 90,
    conditions: { '>=risk_score': 90 },
    reason: 'risky senders are left to people',
  },
  {
    id: 'ask-reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    effect: 'needs_approval',
    conditions: { '>index_size_gb': 10 },
    reason: 'a large index takes hours',
    budget: { cost: 1500, compute: 40 },
  },
  {
    id: 'allow-inbox',
    agent: 'inbox.*',
    action: '*',
    effect: 'allow',
    reason: 'the inbox is the triage agent at work',
    budget: { cost: 0.25 },
  },
];

export const admin: Caller = {
  workspaceId: defaultWorkspaceId,
  workspace: 'default',
  owner: 'Ada',
  role: 'admin',
  keyId: null,
  agents: ['*'],
};

/** The report of a simulation of `rules` that is answered at once. */
export async function reportOf(server: TestServer, body: object): Promise<Simulation> {
  const answer = await server.call('simulate', { body: { rules, ...body } });
  if (!('summary' in answer.body)) throw new Error(JSON.stringify(answer.body));
  return answer.body;
}

/** Requests whose risk counts from 0 to 99, again and again. */
export const cases = (count: number, context: object = {}) =>
  Array.from({ length: count }, (_, index) => ({
    case_id: `c${index}`,
    agent: 'inbox.triage',
    action: 'quarantine',
    context: { risk_score: index % 100, ...context },
  }));
