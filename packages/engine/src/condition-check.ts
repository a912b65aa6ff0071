import { type Check, outcome } from './check.js';
import type { Condition, Test } from './condition.js';

const { met, notMet } = outcome;
const always: Check = () => met;

/** The condition as one function. `met` means that it holds. */
export function conditionCheck(condition: Condition, checkFor: (test: Test) => Check): Check {
  switch (condition.kind) {
    case 'test':
      return checkFor(condition);
    case 'not': {
      const inner = conditionCheck(condition.of, checkFor);
      return (values) => (inner(values) === met ? notMet : met);
    }
    case 'any': {
      const checks = cheapFirst(condition.of).map((child) => conditionCheck(child, checkFor));
      return (values) => {
        for (let i = 0; i < checks.length; i++) if ((checks[i] as Check)(values) === met) return met;
        return notMet;
      };
    }
    case 'all':
      return conjunction(cheapFirst(condition.of).map((child) => conditionCheck(child, checkFor)));
  }
}

/** All of the checks, in order. */
export function conjunction(checks: readonly Check[]): Check {
  const [a = always, b = always, c = always] = checks;
  switch (checks.length) {
    case 0:
    case 1:
      return a;
    case 2:
      return (values) => (a(values) === met && b(values) === met ? met : notMet);
    case 3:
      return (values) => (a(values) === met && b(values) === met && c(values) === met ? met : notMet);
    default:
      return (values) => {
        for (let i = 0; i < checks.length; i++) if ((checks[i] as Check)(values) !== met) return notMet;
        return met;
      };
  }
}

/** The parts that must all hold, cheap ones first. */
export function partsInOrder(condition: Condition): Condition[] {
  return condition.kind === 'all' ? cheapFirst(condition.of) : [condition];
}

/** Evaluation order does not change what a condition means, so what is cheap goes first. */
function cheapFirst(children: readonly Condition[]): Condition[] {
  return [...children].sort((a, b) => costOf(a) - costOf(b));
}

function costOf(condition: Condition): number {
  if (condition.kind !== 'test') return 3;
  if (condition.operand.kind === 'field') return 2;
  switch (condition.operator) {
    case 'matches':
      return 4;
    case 'contains':
    case 'not_contains':
    case 'any_in':
    case 'all_in':
    case 'domain_in':
      return 2;
    default:
      return 0;
  }
}
