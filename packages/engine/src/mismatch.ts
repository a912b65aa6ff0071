import { type Check, outcome, type Slots, type Values } from './check.js';
import type { Operator, Test } from './condition.js';
import { everyKind, kindOf, kinds } from './field.js';

/**
 * The tests of a plan that can be a mismatch, by what makes them one: the kind of one field's value, an absent host, or
 * two fields together. Tests with one cause stand in one source, so that whether and where a request mismatches is known
 * without going through the rules.
 */
export interface MismatchSources {
  /** By slot, the kinds that are a mismatch for some test; 0 for none. */
  readonly kindsBySlot: readonly number[];
  readonly byKind: readonly KindSource[];
  readonly byHost: readonly HostSource[];
  readonly byCheck: readonly CheckSource[];
  /** All those tests in decision order, and within a rule in canonical order. */
  readonly tests: readonly Test[];
  /** The index of each test's rule in the plan, ascending. */
  readonly rules: readonly number[];
}

/** Places in `tests`, ascending. */
interface Source {
  readonly places: number[];
}
interface KindSource extends Source {
  readonly slot: number;
  readonly kinds: number;
}
interface HostSource extends Source {
  readonly slot: number;
  readonly hostSlot: number;
}
interface CheckSource extends Source {
  readonly check: Check;
}

export interface Mismatch {
  /** The index of the rule in the plan. */
  readonly rule: number;
  readonly field: string;
  readonly operator: Operator;
}

/** The sources of tests that stand in decision order, `rules` being parallel to them. */
export function mismatchSources(
  tests: readonly Test[],
  rules: readonly number[],
  slots: Slots & { readonly fields: readonly string[] },
  checkOf: (test: Test) => Check,
): MismatchSources {
  const able: Test[] = [];
  const ableRules: number[] = [];
  const kindsBySlot = slots.fields.map(() => 0);
  const byKind = new Map<number, KindSource>();
  const byHost = new Map<string, HostSource>();
  const byCheck = new Map<string, CheckSource>();
  tests.forEach((test, i) => {
    if (!canMismatch(test)) return;
    const place = able.push(test) - 1;
    ableRules.push(rules[i] as number);
    const slot = slots.slot(test.field);
    if (test.operand.kind === 'field') {
      const key = `${test.operator} ${slot} ${slots.slot(test.operand.field)}`;
      sourceFor(byCheck, key, () => ({ check: checkOf(test), places: [] })).places.push(place);
    } else if (test.operator === 'domain_in') {
      const make = () => ({ slot, hostSlot: slots.hostSlot(test.field), places: [] });
      sourceFor(byHost, test.field, make).places.push(place);
    } else {
      const mask = mismatchKindsOf(test);
      kindsBySlot[slot] = (kindsBySlot[slot] as number) | mask;
      const key = slot * (everyKind + 1) + mask;
      sourceFor(byKind, key, () => ({ slot, kinds: mask, places: [] })).places.push(place);
    }
  });
  return {
    kindsBySlot,
    byKind: [...byKind.values()],
    byHost: [...byHost.values()],
    byCheck: [...byCheck.values()],
    tests: able,
    rules: ableRules,
  };
}

/** Whether any test of any candidate is a mismatch; hosts must have been read. */
export function anyMismatch({ kindsBySlot, byHost, byCheck }: MismatchSources, values: Values): boolean {
  for (let slot = 0; slot < kindsBySlot.length; slot++) {
    const mask = kindsBySlot[slot] as number;
    if (mask !== 0 && (mask & kindOf(values[slot])) !== 0) return true;
  }
  for (let i = 0; i < byHost.length; i++) if (lacksHost(byHost[i] as HostSource, values)) return true;
  for (let i = 0; i < byCheck.length; i++) {
    if ((byCheck[i] as CheckSource).check(values) === outcome.mismatch) return true;
  }
  return false;
}

/** The first mismatches, at most `most`, of the rules up to and including `last`, in decision order. */
export function firstMismatches(sources: MismatchSources, values: Values, last: number, most: number): Mismatch[] {
  const { byKind, byHost, byCheck, tests, rules } = sources;
  const active: Source[] = [
    ...byKind.filter(({ slot, kinds: mask }) => (mask & kindOf(values[slot])) !== 0),
    ...byHost.filter((source) => lacksHost(source, values)),
    ...byCheck.filter(({ check }) => check(values) === outcome.mismatch),
  ];
  const found: number[] = [];
  for (const { places } of active) {
    for (let i = 0; i < places.length && i < most; i++) {
      const place = places[i] as number;
      if ((rules[place] as number) > last) break;
      found.push(place);
    }
  }
  found.sort((a, b) => a - b);
  return found.slice(0, most).map((place) => {
    const { field, operator } = tests[place] as Test;
    return { rule: rules[place] as number, field, operator };
  });
}

function lacksHost({ slot, hostSlot }: HostSource, values: Values): boolean {
  return values[slot] !== undefined && values[hostSlot] === null;
}

function sourceFor<K, S extends Source>(sources: Map<K, S>, key: K, make: () => S): S {
  const known = sources.get(key);
  if (known !== undefined) return known;
  const made = make();
  sources.set(key, made);
  return made;
}

const { string, array, object, number } = kinds;

function canMismatch(test: Test): boolean {
  switch (test.operator) {
    case '==':
    case '!=':
    case 'exists':
    case 'is_empty':
      return false;
    case 'in':
    case 'not_in':
      return test.operand.kind === 'field';
    default:
      return true;
  }
}

/** The kinds of the left side that are a mismatch, whatever the value, against what the policy knows. */
function mismatchKindsOf({ operator, operand }: Test): number {
  const literal = operand.kind === 'value' ? typeof operand.value : '';
  switch (operator) {
    case 'contains':
    case 'not_contains':
      return literal === 'string' ? everyKind & ~(string | array) : everyKind & ~array;
    case 'any_in':
    case 'all_in':
      return object;
    default:
      return literal === 'number' ? everyKind & ~number : everyKind & ~string;
  }
}
