import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyse, type Witness } from '../analysis/analyse.js';
import { admitsScalar, admitsType, domainOf, type FieldDomain } from '../analysis/domain.js';
import { type Profile, type Random, randomFrom, rulesFrom } from '../analysis/rule-sets.testkit.js';
import { type CompiledPolicy, compile } from '../compile.js';
import type { Operand, Operator, Test } from '../condition.js';
import { decide } from '../decide.js';
import { fieldReader } from '../field.js';
import { sortedValues } from '../format-condition.js';
import type { RuleInput } from '../generated/rule.js';
import { type ContextSchema, parseContextSchema } from './schema.js';
import { schemas, values } from './schemas.testkit.js';
import { typingOf } from './typing.js';
import { validateContext } from './validate.js';

const full = process.env.FULL === '1';

/** Whether the domain lets a field have the value; undefined is missing. */
function lets(domain: FieldDomain, value: unknown): boolean {
  if (value === undefined) return domain.required !== true;
  const certain = Array.isArray(value) ? domain.emptyArrays : domain.emptyObjects;
  if (typeof value === 'object' && certain !== undefined) {
    if ((Object.keys(value ?? {}).length === 0) !== (certain === 'always')) return false;
  }
  if (Array.isArray(value)) {
    return admitsType(domain, 'array') && value.every((each) => each === null || lets(domain.items ?? {}, each));
  }
  if (typeof value === 'object') return admitsType(domain, 'object');
  return admitsScalar(domain, value as string | number | boolean);
}

/** Every dotted path of a context, down to where it ends. */
function pathsIn(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return path === '' ? [] : [path];
  const below = Object.entries(value).flatMap(([name, each]) => pathsIn(each, path === '' ? name : `${path}.${name}`));
  return path === '' ? below : [path, ...below];
}

const dialects = fc.constantFrom('draft-07' as const, '2020-12' as const).chain(schemas);

describe('typingOf', () => {
  it('never excludes what the schema lets through', { timeout: 900_000 }, () => {
    let admitted = 0;
    let restricted = 0;
    fc.assert(
      fc.property(dialects, fc.array(values, { minLength: 12, maxLength: 12 }), (written, instances) => {
        const schema = parseContextSchema(written);
        if (Array.isArray(schema)) return;
        const typing = typingOf(schema);
        for (const value of instances) {
          for (const context of [{ value }, { value, other: value }]) {
            if (validateContext(schema, context).length > 0) continue;
            admitted += 1;
            const paths = [...pathsIn(context), ...Object.keys(typing.fields), 'value.a.a', 'value.zz', 'other.a'];
            for (const path of new Set(paths)) {
              const domain = domainOf(path, typing);
              const held = fieldReader(path)(context);
              if (Object.keys(domain).length > 0) restricted += 1;
              if (lets(domain, held)) continue;
              throw new Error(
                `${path} is ${JSON.stringify(held)} in ${JSON.stringify(context)}, not ${JSON.stringify(domain)}`,
              );
            }
          }
        }
      }),
      { seed: 11, numRuns: full ? 30_000 : 1_000 },
    );
    expect(admitted).toBeGreaterThan(1_000);
    expect(restricted).toBeGreaterThan(admitted / 4);
  });
});

const scalars = ['', 'a', 'ab', 'b1', 0, 1, 2, 2.5, true, false];

const profile: Profile = {
  name: 'fields of a schema',
  lists: {},
  values: {},
  test(random: Random): Test {
    const field = random.pick(['value', 'value', 'value.a', 'value.a', 'value.b', 'value.kind', 'value.a.b', 'other']);
    const test = (operator: Operator, operand: Operand): Test => ({ kind: 'test', field, operator, operand });
    const one = (value: (typeof scalars)[number]): Operand => ({ kind: 'value', value });
    switch (random.below(5)) {
      case 0:
        return test(random.pick<Operator>(['exists', 'is_empty']), one(random.below(2) === 0));
      case 1:
        return test(random.pick<Operator>(['>=', '<', '>', '<=']), one(random.pick([0, 1, 2, 'a', 'b'])));
      case 2:
        return test(
          random.pick<Operator>(['contains', 'starts_with', 'not_contains']),
          one(random.pick(['a', 'b', 'x'])),
        );
      case 3:
        return test(random.pick<Operator>(['in', 'not_in', 'any_in', 'all_in']), {
          kind: 'values',
          values: sortedValues([random.pick(scalars), random.pick(scalars)]),
        });
      default:
        return test(random.pick<Operator>(['==', '!=']), one(random.pick(scalars)));
    }
  },
};

const pair = { agent: 'agent', action: 'act' };

function compiled(rules: readonly RuleInput[]): CompiledPolicy {
  const policy = compile({ rules });
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy));
  return policy;
}

/** What is claimed of the rules, against contexts that the schema lets through; returns how much is open for the schema's sake. */
function check(schema: ContextSchema, rules: readonly RuleInput[], contexts: readonly Record<string, unknown>[]) {
  const policy = compiled(rules);
  const typing = typingOf(schema);
  const analysis = analyse(policy, { typing: () => typing });
  const alone = new Map(rules.map((rule) => [rule.id, compiled([rule])]));
  const holds = (id: string, context: Readonly<Record<string, unknown>>) =>
    decide(alone.get(id) as CompiledPolicy, { ...pair, context }).matched_rule === id;
  const claim = (is: boolean, what: string) => {
    if (!is) throw new Error(what);
  };
  const admitted = ({ context }: Witness) => {
    const violations = validateContext(schema, context);
    claim(violations.length === 0, `the witness ${JSON.stringify(context)}: ${JSON.stringify(violations)}`);
  };
  for (const id of analysis.neverMatches) {
    for (const context of contexts) claim(!holds(id, context), `${id} matches ${JSON.stringify(context)}`);
  }
  for (const { rule, witness } of analysis.unreachable) {
    if (witness !== null) admitted(witness);
    for (const context of contexts) {
      const { matched_rule } = decide(policy, { ...pair, context });
      claim(matched_rule !== rule, `${rule} wins ${JSON.stringify(context)}`);
    }
  }
  for (const { rule, witness } of analysis.redundant) {
    admitted(witness);
    const without = compiled(rules.filter(({ id }) => id !== rule));
    for (const context of contexts) {
      const before = decide(policy, { ...pair, context });
      const after = decide(without, { ...pair, context });
      claim(before.effect === after.effect, `${rule} is needed for ${JSON.stringify(context)}`);
    }
  }
  const meetings = new Set<string>();
  for (const { rule, shown } of analysis.overlaps) {
    for (const overlap of shown) {
      admitted(overlap.witness);
      const { context } = overlap.witness;
      claim(holds(rule, context) && holds(overlap.rule, context), `${rule} and ${overlap.rule} do not meet`);
      meetings.add(`${rule} ${overlap.rule}`).add(`${overlap.rule} ${rule}`);
    }
  }
  const open = new Set(analysis.undecided.filter(({ question }) => question === 'overlap').map(({ rule }) => rule));
  for (const a of rules) {
    for (const b of rules) {
      if (a.effect === b.effect || meetings.has(`${a.id} ${b.id}`) || open.has(a.id) || open.has(b.id)) continue;
      for (const context of contexts) {
        claim(!holds(a.id, context) || !holds(b.id, context), `${a.id} and ${b.id} meet: ${JSON.stringify(context)}`);
      }
    }
  }
  return analysis.undecided.filter(({ reason }) => reason === 'schema').length;
}

describe('analyse under a schema', () => {
  it('says what every context that the schema lets through confirms', { timeout: 900_000 }, () => {
    const count = { sets: 0, rules: 0, open: 0, contexts: 0 };
    fc.assert(
      fc.property(
        dialects,
        fc.array(values, { minLength: 24, maxLength: 24 }),
        fc.nat(),
        (written, instances, seed) => {
          const schema = parseContextSchema(written);
          if (Array.isArray(schema)) return;
          const contexts = [{}, ...instances.flatMap((value) => [{ value }, { value, other: value }])].filter(
            (context) => validateContext(schema, context).length === 0,
          );
          const rules = rulesFrom(randomFrom(seed), profile, 5);
          try {
            count.open += check(schema, rules, contexts);
          } catch (error) {
            throw new Error(JSON.stringify(rules), { cause: error });
          }
          count.sets += 1;
          count.rules += rules.length;
          count.contexts += contexts.length;
        },
      ),
      { seed: 13, numRuns: full ? 20_000 : 600 },
    );
    if (full) console.info(count);
    expect(count.contexts).toBeGreaterThan(count.sets * 4);
    expect(count.open).toBeLessThan(count.rules);
  });
});
