// The loop anyone would write first: rules sorted once, the first match wins.
export const name = 'naive loop';

export function prepare(rules) {
  return {
    decide({ agent, action, context }) {
      for (const rule of rules) {
        if (rule.agent === agent && rule.action === action && rule.tests.every((test) => holds(test, context))) {
          return rule.id;
        }
      }
      return null;
    },
  };
}

function holds(test, context) {
  const actual = context[test.field];
  switch (test.is) {
    case 'at_least':
      return actual >= test.value;
    case 'below':
      return actual < test.value;
    case 'equal':
      return actual === test.value;
    default:
      return test.value.includes(actual);
  }
}
