import { expect, it } from 'vitest';
import { compile } from '../compile.js';
import { planFor } from '../policy-index.js';
import { pairsOf } from './pairs.js';
import { randomFrom } from './rule-sets.testkit.js';

const agentPatterns = ['*', 'a.*', 'a.b.*', 'a.b', 'a.b.c', 'c', 'a'];
const actionPatterns = ['*', 'x.*', 'x.y', 'x.y.*', 'x', 'z'];
const agents = ['a', 'a.q', 'a.b', 'a.b.c', 'a.b.q', 'c', 'q', 'c.q'];
const actions = ['x', 'x.q', 'x.y', 'x.y.q', 'z', 'q'];

it('the pairs show every list of candidate rules that a request can have', () => {
  const random = randomFrom(5);
  for (let i = 0; i < 2000; i++) {
    const rules = Array.from({ length: 1 + random.below(6) }, (_, n) => ({
      id: `rule-${n}`,
      agent: random.pick(agentPatterns),
      action: random.pick(actionPatterns),
      effect: 'deny' as const,
    }));
    const policy = compile({ rules });
    if (Array.isArray(policy)) throw new Error('invalid');
    const listFor = (agent: string, action: string) =>
      planFor(policy.index, agent, action)
        .rules.map(({ id }) => id)
        .join(' ');
    const shown = new Set(pairsOf([policy.index]).map(({ agent, action }) => listFor(agent, action)));
    for (const agent of agents) {
      for (const action of actions) {
        const list = listFor(agent, action);
        if (!shown.has(list)) throw new Error(`${agent} ${action} (${list}): ${JSON.stringify(rules)}`);
      }
    }
  }
  expect.assertions(0);
});

it('a pattern is stood for by a name that no narrower one matches', () => {
  const rules = ['other', 'x', 'y'].map((agent) => ({
    id: `for-${agent}`,
    agent,
    action: '*',
    effect: 'deny' as const,
  }));
  const policy = compile({ rules: [...rules, { id: 'rest', agent: '*', action: '*', effect: 'allow' }] });
  if (Array.isArray(policy)) throw new Error('invalid');
  expect(pairsOf([policy.index]).find(({ agentPattern }) => agentPattern === '*')).toMatchObject({ agent: 'z' });
});
