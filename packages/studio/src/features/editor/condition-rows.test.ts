import { applyPatch, type Test } from '@policy-studio/engine';
import { describe, expect, it } from 'vitest';
import { addTest, readOperand, replaceTest, rowsOf, setPart } from './condition-rows.js';

const at = [0, 'conditions'];
const rulesOf = (conditions: unknown) => [{ id: 'abc', conditions }];
const number = (field: string, value: number): Test => ({
  kind: 'test',
  field,
  operator: '>=',
  operand: { kind: 'value', value },
});

describe('conditions as rows', () => {
  it('stand as they are written, in their order', () => {
    const rows = rowsOf({ '>=z': 1, any: [{ a: 'x' }], not: { b: true }, '=>c': 2 }, at);
    expect(rows.map(({ kind, path }) => [kind, path[2]])).toEqual([
      ['test', '>=z'],
      ['group', 'any'],
      ['group', 'not'],
      ['unreadable', '=>c'],
    ]);
  });

  it('change in their place, and never over a neighbour', () => {
    const rules = rulesOf({ '>=z': 1, '>=a': 2 });
    const changed = replaceTest(rules, [...at, '>=z'], number('y', 5));
    expect(JSON.stringify(changed && applyPatch(rules, [changed]))).toContain('{">=y":5,">=a":2}');
    expect(replaceTest(rules, [...at, '>=z'], number('a', 5))).toBeNull();
  });

  it('are added to what is there, twice the same key too', () => {
    let rules: unknown[] = [{ id: 'abc' }];
    for (const value of [1, 2, 3]) rules = applyPatch(rules, [addTest(rules, at, number('a', value))]);
    expect(rules).toEqual(rulesOf({ '>=a': 1, all: [{ '>=a': 2 }, { '>=a': 3 }] }));
  });

  it('keep the type of a value, and take no other', () => {
    const ten = { kind: 'value', value: 10 } as const;
    expect(readOperand('12.5', '>=', ten)).toEqual({ kind: 'value', value: 12.5 });
    expect(readOperand('12a', '>=', ten)).toBeNull();
    expect(readOperand('95', '==', { kind: 'value', value: 'x' })).toEqual({ kind: 'value', value: '95' });
    expect(readOperand('a, 7', 'in', { kind: 'values', values: ['7'] })).toEqual({
      kind: 'values',
      values: ['a', '7'],
    });
    expect(readOperand('Not a list', 'in', { kind: 'list', name: 'vips' })).toBeNull();
  });

  it('parts of a rule are set, and taken away only where they are', () => {
    expect(applyPatch(rulesOf({}), setPart(rulesOf({}), [0, 'reason'], 'x'))).toEqual([
      { id: 'abc', conditions: {}, reason: 'x' },
    ]);
    expect(setPart(rulesOf({}), [0, 'reason'], undefined)).toEqual([]);
  });
});
