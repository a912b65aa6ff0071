import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../edit/patch.js';
import { catalogOf, found, rule } from '../lint.testkit.js';

const properties = {
  amount: { type: 'number' },
  args: { type: 'object', properties: { recipient: { type: 'string' } } },
};
const closed = { type: 'object', properties, additionalProperties: false };
const catalog = catalogOf(['inbox.triage'], { open: { type: 'object', properties }, closed, free: null });
const reading = (action: string, conditions: Record<string, unknown>) => [
  rule('rule-a', 'deny', { action, conditions }),
];

describe('unknown-field', () => {
  it('offers the name of a schema that the field is nearly called', () => {
    const rules = reading('open', { any: [{ '>=amuont': 5 }] });
    const [finding] = found('unknown-field', rules, { catalog });
    expect(finding).toMatchObject({ severity: 'warning', path: [0, 'conditions', 'any', 0, '>=amuont'] });
    const mended = applyPatch(rules, finding?.suggestion?.patch ?? []);
    expect(mended).toEqual(reading('open', { any: [{ '>=amount': 5 }] }));
  });
  it.each([
    ['closed', { colour: 'red' }, 1],
    ['closed', { 'amount.unit': 'USD' }, 1],
    ['closed', { colour: 'red', current_hour: 9, amount: 5 }, 1],
    ['closed', { amount: { field: 'colour' } }, 1],
    ['closed', { 'args.anything': 'goes' }, 0],
    ['open', { colour: 'red' }, 0],
    ['open', { 'args.recipient': 'a' }, 0],
    ['free', { amuont: 5 }, 0],
    ['elsewhere', { amuont: 5 }, 0],
    ['*', { colour: 'red' }, 0],
  ])('in `%s`, %j gives %i', (action, conditions, count) => {
    expect(found('unknown-field', reading(action, conditions), { catalog, catalogMode: 'open' })).toHaveLength(count);
  });
  it('edits the right side of a comparison of fields', () => {
    const rules = reading('closed', { '>=amount': { field: 'amuont' } });
    const [finding] = found('unknown-field', rules, { catalog });
    expect(finding?.suggestion?.patch).toEqual([
      { op: 'replace', path: '/0/conditions/>=amount/field', value: 'amount' },
    ]);
  });
});
