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
  const typed = catalogOf(['inbox.triage'], {
    named: {
      type: 'object',
      properties: {
        context: { type: 'object', properties: { risk: { type: 'number' } } },
        'args[0]': { type: 'string' },
        balances: { type: 'object' },
        list: { type: 'array' },
      },
    },
    free: null,
  });
  it.each([
    [{ '>=context.risk_score': 85 }, { '>=risk_score': 85 }],
    [{ "args['recipient']": 'a' }, { 'args.recipient': 'a' }],
    [{ 'args["to"].name in': ['a'] }, { 'args.to.name in': ['a'] }],
    [{ 'args[0]': 'a' }, null],
    [{ 'tags[] contains': 'a' }, null],
    [{ 'args.0': 'a' }, null],
    [{ 'args.0.name': 'a' }, null],
    [{ 'context.args.0': 'a' }, null],
    [{ not: { '>=amount': { field: 'context.limit' } } }, { not: { '>=amount': { field: 'limit' } } }],
  ])('knows no path such as %j, with no catalog and with no schema', (conditions, meant) => {
    for (const options of [{}, { catalog: typed }]) {
      const rules = reading('free', conditions);
      const [finding, ...more] = found('unknown-field', rules, options);
      expect(more).toEqual([]);
      expect(finding).toMatchObject({ severity: 'warning', rule_id: 'rule-a' });
      const { patch } = finding?.suggestion ?? {};
      if (meant === null) expect(patch).toBeUndefined();
      else expect(applyPatch(rules, patch ?? [])).toEqual(reading('free', meant));
    }
  });
  it.each([
    ['named', { '>=context.risk': 5 }, 0],
    ['named', { '>=context.anything': 5 }, 0],
    ['named', { 'args[0]': 'a' }, 0],
    ['named', { '>balances.17': 5 }, 0],
    ['*', { '>=context.risk': 5, '>balances.17': 5 }, 0],
    ['named', { 'list.0': 5 }, 1],
    ['named', { 'args[1]': 'a' }, 1],
    ['free', { '>=context': 5, 'contexts.risk': 5, 'args.a0': 5, '0': 5, 'args.0x': 5 }, 0],
    ['free', { 'now.0': 5 }, 0],
  ])('goes by the schemas: in `%s`, %j gives %i', (action, conditions, count) => {
    expect(found('unknown-field', reading(action, conditions), { catalog: typed })).toHaveLength(count);
  });
  it('edits the right side of a comparison of fields', () => {
    const rules = reading('closed', { '>=amount': { field: 'amuont' } });
    const [finding] = found('unknown-field', rules, { catalog });
    expect(finding?.suggestion?.patch).toEqual([
      { op: 'replace', path: '/0/conditions/>=amount/field', value: 'amount' },
    ]);
  });
});
