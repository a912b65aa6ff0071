import { type Catalog, defaultCatalog, type Effect } from '@policy-studio/engine';
import { describe, expect, test } from 'vitest';
import type { TaskContext } from '../answer-calls.js';
import type { ListsAnswer, ListsQuestion } from './lint.js';
import { type PolicyChange, policyChange } from './policy-change.js';

const rule = (id: string, rest: Readonly<Record<string, unknown>> = {}) => ({
  id,
  agent: 'a.agent',
  action: 'act',
  effect: 'allow',
  reason: 'a reason long enough',
  ...rest,
});
const risky = rule('one', { budget: { risk: 'high' } });

interface Side {
  readonly rules: readonly unknown[];
  readonly defaultEffect?: Effect;
  readonly lists?: object;
}

function changed(
  before: Side | readonly unknown[],
  after: Side | readonly unknown[],
  catalog: Catalog = defaultCatalog,
): Promise<PolicyChange> {
  const context: TaskContext = {
    progress: () => {},
    ask: async (question) => {
      const lists = Object.fromEntries((question as ListsQuestion).lists.map((name) => [name, { values: ['known'] }]));
      return { text: JSON.stringify(lists), digests: {}, otherNames: [] } satisfies ListsAnswer;
    },
  };
  const side = (given: Side | readonly unknown[]) => {
    const { rules, defaultEffect = 'deny', lists } = 'rules' in given ? given : { rules: given };
    return {
      rules: JSON.stringify(rules),
      defaultEffect,
      ...(lists === undefined ? {} : { lists: JSON.stringify(lists) }),
    };
  };
  const text = { stamp: JSON.stringify(catalog), text: JSON.stringify(catalog) };
  return policyChange({ before: side(before), after: side(after), catalog: text, enforceContext: true }, context);
}

describe('the risk of a change', () => {
  test('is the highest of the rules that newly allow something', async () => {
    const low = rule('two', { action: 'other', budget: { risk: 'low' } });
    expect(await changed([], [risky, low])).toEqual({ risk: 'high', stricter: false });
    expect((await changed([risky], [risky, low])).risk).toBe('low');
    expect((await changed([risky], [risky])).risk).toBeNull();
    expect((await changed([], [rule('two')])).risk).toBeNull();
  });

  test('is that of every rule that newly decides, not of the first one found', async () => {
    const denied = rule('not', { effect: 'deny', priority: 90 });
    const rules = [rule('low', { conditions: { x: 1 }, budget: { risk: 'low' } }), risky];
    expect((await changed([...rules, denied], rules)).risk).toBe('high');
  });

  test.each([{ agent: '*' }, { conditions: { '<x': 10 }, priority: 60 }, { effect: 'deny' }, { enabled: false }])(
    'counts what was decided otherwise before, whatever the rule is called: %j',
    async (narrower) => {
      const before = { ...risky, ...narrower };
      const wider = { ...risky, agent: '*' };
      expect((await changed([before], [wider])).risk).toBe('agent' in narrower ? null : 'high');
    },
  );

  test.each([{ reason: 'another reason' }, { priority: 60 }, { id: 'renamed' }, { budget: { risk: 'high', cost: 1 } }])(
    'does not count what was allowed before: %j',
    async (change) => expect((await changed([risky], [{ ...risky, ...change }])).risk).toBeNull(),
  );

  test('is that of the action in the catalog when it is higher', async () => {
    const deploys = rule('deploys', { agent: 'planner.deploy', action: 'deploy', budget: { risk: 'low' } });
    const [action] = defaultCatalog.actions;
    if (!action) throw new Error('the default catalog has actions');
    const catalog: Catalog = {
      ...defaultCatalog,
      actions: [{ ...action, action: 'deploy', risk: 'critical', agents: null }],
    };
    expect((await changed([], [deploys], catalog)).risk).toBe('critical');
    expect((await changed([], [{ ...deploys, action: '*' }], catalog)).risk).toBe('critical');
    expect((await changed([deploys], [deploys], catalog)).risk).toBeNull();
  });

  test('counts rules that may newly allow something, where that cannot be decided', async () => {
    const unclear = rule('one', {
      conditions: { 'x matches': '^a+$', y: { field: 'x' } },
      budget: { risk: 'critical' },
    });
    const guard = rule('not', { effect: 'deny', priority: 90, conditions: { 'x matches': '^a*$' } });
    expect((await changed([], [unclear, guard])).risk).toBe('critical');
  });

  test('sees the default effect and lists change', async () => {
    const denying = rule('not', { effect: 'deny', conditions: { x: 1 } });
    const opened = await changed([denying], { rules: [denying], defaultEffect: 'allow' });
    expect(opened.stricter).toBe(false);
    const listed = [rule('one', { conditions: { sender: { list: 'known' } }, budget: { risk: 'medium' } })];
    const wider = await changed(listed, { rules: listed, lists: { known: { values: ['known', 'more'] } } });
    expect(wider).toEqual({ risk: 'medium', stricter: false });
  });
});

describe('a change is stricter', () => {
  test('when everything it changes is decided more strictly, and only then', async () => {
    const asking = { ...risky, effect: 'needs_approval' };
    const denying = { ...risky, effect: 'deny' };
    for (const [before, after, stricter] of [
      [risky, asking, true],
      [risky, denying, true],
      [asking, denying, true],
      [asking, risky, false],
      [denying, asking, false],
      [risky, risky, true],
      [risky, { ...risky, budget: { risk: 'high', cost: 3 } }, false],
    ] as const) {
      expect([before, after, (await changed([before], [after])).stricter]).toEqual([before, after, stricter]);
    }
  });

  test('only with proof', async () => {
    const unclear = rule('not', {
      effect: 'deny',
      priority: 90,
      conditions: { 'x matches': '^a+$', y: { field: 'x' } },
    });
    expect((await changed([risky, unclear], [risky, { ...unclear, conditions: { y: { field: 'z' } } }])).stricter).toBe(
      false,
    );
  });
});
