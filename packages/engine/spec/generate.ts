/**
 * Generates bundles after a profile, and requests whose values lie on and around the constants of the bundle.
 */
import fc from 'fast-check';
import type { Dict } from './condition.js';
import type { Bundle, Effect, NamedList, Request } from './decide.js';
import { chooser, type Form, type FormTest, formTests, otherField, spell } from './form.js';
import * as pool from './pool.js';
import { type Profile, type ProfileName, profiles } from './profiles.js';

/** A rule whose condition has not been spelled yet. */
export interface FormRule {
  readonly rule: Dict & { id: string; effect: Effect };
  readonly form: Form;
}

export interface FormBundle {
  readonly rules: readonly FormRule[];
  readonly lists: Readonly<Record<string, NamedList>>;
  readonly default_effect: Effect;
}

export interface Scenario {
  readonly forms: FormBundle;
  readonly bundle: Bundle<Dict>;
  readonly requests: Request[];
}

// ---- bundles

function formOf({ fields, tests, testsPerRule, depth }: Profile): fc.Arbitrary<Form> {
  const leaf = tests(fields).map((test): Form => ({ test }));
  const inner = (left: number): fc.Arbitrary<Form> => {
    if (left === 0) return leaf;
    const several = fc.array(inner(left - 1), { maxLength: 3 });
    return fc.oneof(
      { weight: 5, arbitrary: leaf },
      { weight: 1, arbitrary: several.map((any): Form => ({ any })) },
      { weight: 1, arbitrary: several.map((all): Form => ({ all })) },
      { weight: 1, arbitrary: inner(left - 1).map((not): Form => ({ not })) },
    );
  };
  return fc
    .array(inner(depth), { minLength: testsPerRule.min, maxLength: testsPerRule.max })
    .map((all): Form => ({ all }));
}

const effects = ['allow', 'deny', 'needs_approval'] as const;

export function formRule(profile: Profile): fc.Arbitrary<Omit<FormRule, 'rule'> & { rule: Dict & { effect: Effect } }> {
  const rule = fc.record(
    {
      agent: fc.constantFrom(...profile.agents),
      action: fc.constantFrom(...profile.actions),
      effect: fc.constantFrom(...effects),
      priority: fc.constantFrom(0, 49, 50, 51, 1000),
      enabled: fc.constantFrom(true, true, true, true, false),
      reason: fc.constantFrom('', 'Because.', 'Weil ß. 😀'),
      budget: fc.constantFrom({}, { cost: 0 }, { cost: 1.5, compute: 2, risk: 'high' }),
      metadata: fc.constantFrom({}, { min_approvers: 2 }, { team: 'x' }),
    },
    { requiredKeys: ['agent', 'action', 'effect'] },
  );
  return fc.record({ rule, form: formOf(profile) });
}

export function formBundle(profile: Profile): fc.Arbitrary<FormBundle> {
  const { min, max } = profile.rules;
  // Few fields at a time, so that rules speak about the same ones.
  return fc
    .shuffledSubarray([...profile.fields], { minLength: 1, maxLength: Math.min(6, profile.fields.length) })
    .chain((fields) =>
      fc.record({
        rules: fc
          .array(fc.tuple(formRule({ ...profile, fields }), fc.nat({ max: 999 })), {
            minLength: min,
            maxLength: max,
            size: 'max',
          })
          .map((rules) => rules.map(([{ rule, form }, n], i) => ({ rule: { ...rule, id: `r${n}-${i}` }, form }))),
        lists: fc.constantFrom(...pool.lists),
        default_effect: fc.constantFrom(...effects),
      }),
    );
}

/** The bundle as somebody might have written it, each list of dice another spelling. */
export function spellBundle(forms: FormBundle, dice: readonly number[]): Scenario['bundle'] {
  const choose = chooser(dice);
  return {
    rules: forms.rules.map(({ rule, form }) => ({ ...rule, conditions: spell(form, choose) })),
    lists: forms.lists,
    default_effect: forms.default_effect,
  };
}

// ---- requests

const absent = Symbol('absent');

/** Values for one field: on and around every constant that some test compares it with. */
function valuesAround(field: string, tests: readonly FormTest[], lists: FormBundle['lists']): readonly unknown[] {
  const around = tests.flatMap(({ field: left, operator, right }) => {
    if (left !== field && otherField(right) !== field) return [];
    if (operator === 'matches') return pool.strings.slice(0, 12);
    if (operator === 'exists' || operator === 'is_empty') return pool.emptyAndNot;
    const constants = otherField(right) !== null ? pool.anything : (rightConstants(right, lists) ?? []);
    const wholes = Array.isArray(right) ? [right, right.slice(1)] : [];
    return [
      ...wholes,
      ...constants.flatMap((constant) => (operator === 'domain_in' ? pool.addressesOf(constant) : pool.near(constant))),
    ];
  });
  return around.length > 0 ? around : pool.anything;
}

function rightConstants(right: unknown, lists: FormBundle['lists']): readonly unknown[] | undefined {
  if (Array.isArray(right)) return right;
  if (typeof right !== 'object' || right === null) return [right];
  return 'list' in right ? lists[String(right.list)]?.values : [];
}

export function requestFor(forms: FormBundle, profile: Profile): fc.Arbitrary<Request> {
  const tests = forms.rules.flatMap(({ form }) => formTests(form));
  const named = tests.flatMap(({ field, right }) => [field, otherField(right) ?? field]);
  const fields = [...new Set([...named, profile.fields[0] ?? 'a'])];
  const values = fields.map((field) => {
    const around = fc.constantFrom(...valuesAround(field, tests, forms.lists));
    return fc.oneof(
      { weight: 12, arbitrary: around },
      { weight: 2, arbitrary: fc.array(around, { maxLength: 3 }) },
      { weight: 2, arbitrary: fc.constantFrom(...pool.anything) },
      { weight: 1, arbitrary: fc.constantFrom(absent, null) },
    );
  });
  const context = fc.tuple(...values).map((chosen) => {
    const built: Record<string, unknown> = {};
    for (const [i, field] of fields.entries()) if (chosen[i] !== absent) plant(built, field.split('.'), chosen[i]);
    return built;
  });
  return fc.record({
    agent: fc.constantFrom(...profile.requestAgents),
    action: fc.constantFrom(...profile.requestActions),
    context,
  });
}

/** Sets an own property, even one called `__proto__`, making objects on the way. */
function plant(object: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  let planted = value;
  if (rest.length > 0) {
    const there = Object.hasOwn(object, name) ? object[name] : undefined;
    // A copy: values come from pools that are shared.
    const inner = typeof there === 'object' && there !== null && !Array.isArray(there) ? { ...there } : {};
    plant(inner as Record<string, unknown>, rest, value);
    planted = inner;
  }
  Object.defineProperty(object, name, { value: planted, enumerable: true, writable: true, configurable: true });
}

/** A bundle with requests about it. */
export function scenario(name: ProfileName, requestsEach: number): fc.Arbitrary<Scenario> {
  const profile: Profile = profiles[name];
  return fc.tuple(formBundle(profile), fc.array(fc.nat({ max: 59 }), { maxLength: 12 })).chain(([forms, dice]) =>
    fc.record({
      forms: fc.constant(forms),
      bundle: fc.constant(spellBundle(forms, dice)),
      requests: fc.array(requestFor(forms, profile), { minLength: requestsEach, maxLength: requestsEach, size: 'max' }),
    }),
  );
}
