/** Laws of what a condition means, on the production engine alone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dict } from './condition.js';
import type { Request } from './decide.js';
import { chooser, type Form, spell } from './form.js';
import type { Scenario } from './generate.js';
import { answer, forAll, nothing, ruleFor, small } from './laws.js';
import * as pool from './pool.js';
import { type ProfileName, profiles } from './profiles.js';

/** Whether one condition holds for a request. */
function holds(conditions: Dict, { bundle }: Scenario, request: Request): boolean {
  const { agent, action } = request;
  const rules = [{ id: 'one', agent, action, effect: 'allow', conditions }];
  return answer({ ...bundle, rules }, request).matched_rule === 'one';
}

const plain = (form: Form) => spell(form, chooser([]));

/** Every test of the bundle alone, on its requests. */
function forEachTest(
  names: readonly ProfileName[],
  claim: (test: Dict, made: Scenario, request: Request) => void,
): void {
  forAll(names, nothing, (made, request) => {
    for (const { form } of made.forms.rules.slice(0, 4)) {
      const forms = 'all' in form ? form.all : [form];
      for (const inner of forms) claim(plain(inner), made, request);
    }
  });
}

describe('what a condition means', () => {
  it('not_inverts, also mismatches and missing fields', () => {
    forEachTest(small, (conditions, made, request) => {
      expect(holds({ not: conditions }, made, request)).toBe(!holds(conditions, made, request));
      expect(holds({ not: { not: conditions } }, made, request)).toBe(holds(conditions, made, request));
    });
  });

  it('all_and_any_are_and_and_or', () => {
    forAll(small, nothing, (made, request) => {
      const conditions = made.bundle.rules.map((rule) => rule.conditions as Dict).slice(0, 5);
      const each = conditions.map((condition) => holds(condition, made, request));
      expect(holds({ all: conditions }, made, request)).toBe(each.every(Boolean));
      expect(holds({ any: conditions }, made, request)).toBe(each.some(Boolean));
    });
  });

  it('missing_field_fails_every_test_but_two', () => {
    const conditions = fc.oneof(...Object.values(profiles).map(({ tests }) => tests(['gone.here', 'gone'])));
    forAll(['general'], conditions, (made, request, test) => {
      for (const gone of [undefined, null, 7, []]) {
        const field = 'gone.here';
        const { gone: _, ...context } = request.context;
        const absent = { ...request, context: gone === undefined ? context : { ...context, gone } };
        const passes =
          (test.operator === 'exists' && test.right === false) || (test.operator === 'is_empty' && test.right === true);
        const decision = answer(
          { ...made.bundle, rules: [ruleFor(absent, plain({ test: { ...test, field } }))] },
          absent,
        );
        expect(decision.matched_rule === 'one').toBe(passes);
        expect(decision.errors).toEqual([]);
      }
    });
  });

  it('in_is_any_of_equality, and not_in_is_its_opposite_on_present_fields', () => {
    const values = fc.array(fc.constantFrom(...pool.numbers, ...pool.strings, true, false, null), { maxLength: 4 });
    forAll(['general', 'arrays', 'one number field'], values, (made, request, constants) => {
      for (const field of ['n', 's', 'list', 'tags']) {
        const any = constants.map((constant) => ({ [`==${field}`]: constant }));
        const isIn = holds({ [`${field} in`]: constants }, made, request);
        expect(isIn).toBe(holds({ any }, made, request));
        const isPresent = holds({ [`${field} exists`]: true }, made, request);
        expect(holds({ [`${field} not_in`]: constants }, made, request)).toBe(isPresent && !isIn);
      }
    });
  });

  it('a_named_list_is_its_values, unless it normalizes', () => {
    forAll(['general', 'arrays'], fc.constantFrom('in', 'not_in', 'any_in', 'all_in'), (made, request, operator) => {
      for (const field of ['n', 's', 'list', 'tags']) {
        const values = made.bundle.lists?.vip?.values;
        const byName = holds({ [`${field} ${operator}`]: { list: 'vip' } }, made, request);
        expect(byName).toBe(holds({ [`${field} ${operator}`]: values }, made, request));
      }
    });
  });

  it('order_is_total_on_numbers_and_on_strings', () => {
    const sameType = fc.oneof(fc.tuple(number, number), fc.tuple(text, text));
    const law = fc.property(sameType, ([left, right]) => {
      const request = { agent: 'a', action: 'b', context: { left, right } };
      const met = (operator: string, value: unknown) =>
        answer({ rules: [ruleFor(request, { [`${operator}left`]: value })] }, request).matched_rule === 'one';
      for (const value of [right, { field: 'right' }]) {
        const [less, equal, greater] = [met('<', value), met('==', value), met('>', value)];
        expect([less, equal, greater].filter(Boolean)).toHaveLength(1);
        expect([met('<=', value), met('>=', value), met('!=', value)]).toEqual([
          less || equal,
          greater || equal,
          !equal,
        ]);
      }
    });
    fc.assert(law, { numRuns: 1000 });
  });
});

const number = fc.oneof(fc.constantFrom(...pool.numbers), fc.double({ noNaN: true, noDefaultInfinity: true }));
const text = fc.oneof(fc.constantFrom(...pool.strings), fc.string({ unit: 'binary', maxLength: 4 }));
