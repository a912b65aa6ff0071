// One `if` with a branch a rule, in decision order, compiled by json-logic-engine (`build`), which is its fastest way.
// Its compiler recurses over the branches and overflows the stack at a few thousand, so a longer list is cut into parts
// that are asked in turn.
import { LogicEngine } from 'json-logic-engine';

export const name = 'json-logic-engine 5.0';

const branchesAtMost = 2_000;

export function prepare(rules) {
  const engine = new LogicEngine();
  const parts = [];
  for (let from = 0; from < rules.length; from += branchesAtMost) {
    const branches = rules.slice(from, from + branchesAtMost).flatMap((rule) => [matches(rule), rule.id]);
    parts.push(engine.build({ if: [...branches, null] }));
  }
  return {
    decide(request) {
      for (const part of parts) {
        const winner = part(request);
        if (winner !== null) return winner;
      }
      return null;
    },
  };
}

function matches(rule) {
  return {
    and: [
      { '===': [{ var: 'agent' }, rule.agent] },
      { '===': [{ var: 'action' }, rule.action] },
      ...rule.tests.map(condition),
    ],
  };
}

function condition(test) {
  const field = { var: `context.${test.field}` };
  switch (test.is) {
    case 'at_least':
      return { '>=': [field, test.value] };
    case 'below':
      return { '<': [field, test.value] };
    case 'equal':
      return { '===': [field, test.value] };
    default:
      return { in: [field, test.value] };
  }
}
