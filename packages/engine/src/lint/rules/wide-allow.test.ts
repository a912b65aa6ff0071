import { describe, expect, it } from 'vitest';
import { found, rule } from '../lint.testkit.js';

describe('wide-allow', () => {
  it.each([
    ['every agent, every action', { agent: '*', action: '*' }, 'warning'],
    ['one agent, every action', { action: '*' }, 'warning'],
    ['conditions that say nothing', { action: '*', conditions: { all: [] } }, 'warning'],
    ['every agent, one action', { agent: '*' }, 'warning'],
  ])('is said of %s', (_, more, severity) => {
    expect(found('wide-allow', [rule('rule-a', 'allow', more)])).toMatchObject([{ severity }]);
  });
  it.each([
    ['a deny', rule('rule-a', 'deny', { agent: '*', action: '*' })],
    ['conditions', rule('rule-a', 'allow', { agent: '*', action: '*', conditions: { x: 1 } })],
    ['named agents and actions', rule('rule-a', 'allow', { agent: 'inbox.*', action: 'github.*' })],
  ])('is not said of %s', (_, written) => {
    expect(found('wide-allow', [written])).toEqual([]);
  });
});
