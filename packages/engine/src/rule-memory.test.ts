import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleInput } from './generated/rule.js';
import { limits } from './limits.js';
import { readRules } from './rule.js';
import { createRuleMemory, type RuleMemory } from './rule-memory.js';
import { anyRule } from './rules.testkit.js';

const options = { maxRules: limits.rules, maxDiagnostics: limits.diagnostics };

function read(rules: readonly unknown[], memory?: RuleMemory) {
  return readRules(rules, memory === undefined ? options : { ...options, memory });
}

/** Rules, valid and not, that share ids and differ in little. */
const anyInput: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom('one', 'two', 'three').chain((id): fc.Arbitrary<unknown> => anyRule(id)),
  fc.constantFrom<unknown>(
    { id: 'one', agent: '*', action: '*', effect: 'deny' },
    { id: 'one', agent: '*', action: '*', effect: 'deny', priority: 0 },
    { id: 'one', agent: '*', action: '*', effect: 'deny', priority: -0 },
    { id: 'one', agent: '*', action: '*', effect: 'deny', priority: Number.NaN },
    { action: '*', id: 'one', agent: '*', effect: 'deny', conditions: { 'x foo': 1 } },
    { id: 'two', agent: '*', action: '*', effect: 'deny', conditions: { 's matches': 'a+' } },
    { id: 'two', agent: '*', action: '*', effect: 'deny', conditions: { 's matches': `a{999}b{999}` } },
    { id: 'two', agent: '*', action: '*', effect: 'deny', conditions: { a: 1, b: 2 }, reason: undefined },
    { id: 'two', agent: '*', action: '*', effect: 'deny', conditions: { b: 2, a: 1 } },
    { id: 'three' },
    'three',
    null,
  ),
);

describe('reading rules with a memory', () => {
  it('gives what reading them without gives, whatever was read before', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyInput, { maxLength: 5 }), { minLength: 2, maxLength: 6 }), (bundles) => {
        const memory = createRuleMemory();
        for (const rules of bundles) expect(read(rules, memory)).toEqual(read(rules));
      }),
      { numRuns: 400 },
    );
  });

  it('is not misled by a rule that its owner changes', () => {
    const memory = createRuleMemory();
    const rule = { id: 'one', agent: '*', action: '*', effect: 'deny', conditions: { x: 1 } };
    read([rule], memory);
    rule.conditions.x = 2;
    expect(read([rule], memory)).toEqual(read([rule]));
  });

  it('hands out the same condition while the rule is the same', () => {
    const memory = createRuleMemory();
    const rule = (): RuleInput => ({ id: 'one', agent: '*', action: '*', effect: 'deny', conditions: { x: 1 } });
    const [first] = read([rule()], memory).sound;
    const [second] = read([rule()], memory).sound;
    expect(second?.condition).toBe(first?.condition);
  });

  it('counts the patterns of the bundle each time', () => {
    const patterned = (from: number) =>
      Array.from({ length: 200 }, (_, i) => ({
        id: `rule-${from + i}`,
        agent: '*',
        action: '*',
        effect: 'deny',
        conditions: { 's matches': `a{900}b{900}c{900}d{900}${from + i}` },
      }));
    const memory = createRuleMemory();
    read(patterned(0), memory);
    const both = [...patterned(0), ...patterned(200)];
    expect(read(both, memory)).toEqual(read(both));
    expect(read(both, memory).diagnostics.some(({ code }) => code === 'limit-exceeded')).toBe(true);
  });

  it('forgets the longest unused beyond its bound', () => {
    const memory = createRuleMemory();
    const rule = (i: number) => ({
      id: `rule-${i}`,
      agent: '*',
      action: '*',
      effect: 'deny',
      conditions: { s: `${i}`.padEnd(8_000, 'x') },
    });
    for (let i = 0; i < 6_000; i++) read([rule(i), rule(0)], memory);
    expect(memory.used.bytes).toBeLessThanOrEqual(64_000_000);
    expect(memory.rules.has('rule-0')).toBe(true);
    expect(memory.rules.has('rule-1')).toBe(false);
    const bytes = [...memory.rules.values()].reduce((sum, known) => sum + known.bytes, 0);
    expect(bytes).toBe(memory.used.bytes);
  });
});
