// json-rules-engine runs rules by priority, highest first, and awaits each priority; the first success stops the run.
// The agent and the action are conditions like any other, checked before the rest (a condition's own priority).
import { Engine } from 'json-rules-engine';

export const name = 'json-rules-engine 7.3';

export function prepare(rules) {
  const engine = new Engine();
  rules.forEach((rule, rank) => {
    engine.addRule({
      name: rule.id,
      priority: rules.length - rank,
      conditions: {
        all: [
          { fact: 'agent', operator: 'equal', value: rule.agent, priority: 3 },
          { fact: 'action', operator: 'equal', value: rule.action, priority: 2 },
          ...rule.tests.map(condition),
        ],
      },
      event: { type: rule.id },
      onSuccess: () => engine.stop(),
    });
  });
  return {
    async decide({ agent, action, context }) {
      const { events } = await engine.run({ agent, action, ...context });
      return events[0]?.type ?? null;
    },
  };
}

const operators = { at_least: 'greaterThanInclusive', below: 'lessThan', equal: 'equal', one_of: 'in' };

function condition(test) {
  return { fact: test.field, operator: operators[test.is], value: test.value, priority: 1 };
}
