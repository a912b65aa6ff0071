import { describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../engine/queue.js';
import { createTasks } from '../../engine/tasks.js';
import { Draft } from './draft.js';

const tasks = createTasks();
const engine: Pick<Engine, 'run'> = {
  run: async (task, input) => ({ answer: tasks[task](input as never) as never, ms: 0 }),
};

const text = `rules:
  # The desk asked for this.
  - id: allow-small
    agent: a.b
    action: pay # only this
    effect: allow
    priority: 40
`;
const rules = [{ id: 'allow-small', agent: 'a.b', action: 'pay', effect: 'allow', priority: 40 }];

function draftAt(clock = { now: 0 }): Draft {
  return new Draft({ text, rules }, engine, () => clock.now);
}

const settled = (draft: Draft) => vi.waitFor(() => expect(draft.state().settling).toBe(false));

describe('a draft', () => {
  it('says an edit of a rule in its text, with the comments where they were', async () => {
    const draft = draftAt();
    expect(draft.edit([{ op: 'replace', path: '/0/priority', value: 70 }])).toBe(true);
    expect(draft.state().rules).toEqual([{ ...rules[0], priority: 70 }]);
    await settled(draft);
    expect(draft.state().text).toBe(text.replace('40', '70'));
  });

  it('reads what is typed, and keeps the last rules while that cannot be read', async () => {
    const draft = draftAt();
    draft.type(text.replace('effect: allow', 'effect: deny'));
    await settled(draft);
    expect(draft.state().rules).toEqual([{ ...rules[0], effect: 'deny' }]);
    draft.type(`${text}  - {`);
    await settled(draft);
    expect(draft.state().fault).toMatch(/line \d+/);
    expect(draft.state().rules).toEqual([{ ...rules[0], effect: 'deny' }]);
    expect(draft.edit([{ op: 'replace', path: '/0/priority', value: 1 }])).toBe(false);
    draft.type(text);
    await settled(draft);
    expect(draft.state()).toMatchObject({ fault: null, rules });
  });

  it('takes back and does again over both views, in steps that people remember', async () => {
    const clock = { now: 0 };
    const draft = draftAt(clock);
    draft.edit([{ op: 'replace', path: '/0/priority', value: 4 }], 'priority');
    draft.edit([{ op: 'replace', path: '/0/priority', value: 45 }], 'priority');
    await settled(draft);
    clock.now = 5_000;
    draft.type(draft.state().text.replace('allow\n', 'deny\n'));
    await settled(draft);
    draft.undo();
    await settled(draft);
    expect(draft.state().rules).toEqual([{ ...rules[0], priority: 45 }]);
    draft.undo();
    await settled(draft);
    expect(draft.state()).toMatchObject({ text, rules, canUndo: false, canRedo: true });
    draft.redo();
    draft.redo();
    await settled(draft);
    expect(draft.state().rules).toEqual([{ ...rules[0], priority: 45, effect: 'deny' }]);
    expect(draft.state().canRedo).toBe(false);
  });
});
