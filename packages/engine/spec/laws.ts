/** What the laws of the engine are stated with. */
import fc from 'fast-check';
import { decide, type PolicyDecision } from '../src/index.js';
import type { Dict } from './condition.js';
import type { Bundle, Request } from './decide.js';
import { type Scenario, scenario } from './generate.js';
import { compiled } from './production.js';
import type { ProfileName } from './profiles.js';

export const small: readonly ProfileName[] = [
  'general',
  'one string field',
  'one number field',
  'arrays',
  'opaque',
  'wildcards',
];
export const all: readonly ProfileName[] = [...small, 'one pair, many rules', 'one pair, many thresholds'];

/** Checks a claim on bundles of several profiles, with a value drawn beside each. */
export function forAllScenarios<T>(
  names: readonly ProfileName[],
  beside: fc.Arbitrary<T>,
  claim: (scenario: Scenario, drawn: T) => void,
): void {
  for (const name of names) {
    const law = fc.property(scenario(name, 8), beside, (made, drawn) => claim(made, drawn));
    fc.assert(law, { numRuns: name.includes('many') ? 5 : 50 });
  }
}

/** The same, for each request of a scenario. */
export function forAll<T>(
  names: readonly ProfileName[],
  beside: fc.Arbitrary<T>,
  claim: (scenario: Scenario, request: Request, drawn: T) => void,
): void {
  forAllScenarios(names, beside, (made, drawn) => {
    for (const request of made.requests) claim(made, request, drawn);
  });
}

export const nothing = fc.constant(null);
export const dice = fc.array(fc.nat({ max: 59 }), { minLength: 1, maxLength: 12 });

export const answer = (bundle: Bundle, request: Request) => decide(compiled(bundle), request);
export const ruleId = (rule: Dict) => String(rule.id);
export const priority = (rule: Dict) => Number(rule.priority ?? 50);
export const withRules = (bundle: Bundle, rules: readonly unknown[]): Bundle => ({ ...bundle, rules });

/** The rules that decide when they are alone. */
export function matching({ bundle }: Scenario, request: Request): Dict[] {
  return bundle.rules.filter((rule) => answer(withRules(bundle, [rule]), request).matched_rule !== null);
}

export function shuffled<T>(values: readonly T[], numbers: readonly number[]): T[] {
  const keyed = values.map((value, i) => ({
    value,
    key: (((numbers[i % numbers.length] ?? 0) + 1) * 7919 * (i + 1)) % 1009,
  }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}

export function reversedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversedKeys(inner)]),
  );
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** Everything but the mismatches. */
export const verdict = ({ errors: _, ...rest }: PolicyDecision) => rest;

/** A rule that decides for this request when the conditions hold. */
export const ruleFor = ({ agent, action }: Request, conditions: Dict): Dict => ({
  ...{ id: 'one', agent, action, effect: 'allow', conditions },
});
