// casbin's priority effect takes the first policy that matches in the order they were added (a priority column would be
// ordered as strings), and `enforceEx` names it. Its effects are allow and deny; ours rides along in the policy's id.
import { newEnforcer, newModelFromString } from 'casbin';

export const name = 'casbin 5.51';

const model = `
[request_definition]
r = agent, action, context

[policy_definition]
p = agent, action, condition, id, eft

[policy_effect]
e = priority(p.eft) || deny

[matchers]
m = r.agent == p.agent && r.action == p.action && eval(p.condition)
`;

export async function prepare(rules) {
  const enforcer = await newEnforcer(newModelFromString(model));
  await enforcer.addPolicies(
    rules.map((rule) => [
      rule.agent,
      rule.action,
      rule.tests.map(condition).join(' && '),
      rule.id,
      rule.effect === 'allow' ? 'allow' : 'deny',
    ]),
  );
  return {
    decide({ agent, action, context }) {
      const [, winner] = enforcer.enforceExSync(agent, action, context);
      return winner[3] ?? null;
    },
  };
}

function condition(test) {
  const field = `r.context.${test.field}`;
  switch (test.is) {
    case 'at_least':
      return `${field} >= ${test.value}`;
    case 'below':
      return `${field} < ${test.value}`;
    case 'equal':
      return `${field} === ${JSON.stringify(test.value)}`;
    default:
      return `(${test.value.map((value) => `${field} === ${JSON.stringify(value)}`).join(' || ')})`;
  }
}
