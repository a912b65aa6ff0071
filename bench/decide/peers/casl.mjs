// CASL indexes rules by action and subject type, and the last rule added wins; so rules are added in reverse order, the
// agent is the subject type, and `relevantRuleFor` names the winner. It has no third effect beside can and cannot:
// which of ours the winner stands for is looked up by the rule it names. A missing field would satisfy its `$lt`;
// no field is missing here.
import { createMongoAbility } from '@casl/ability';

export const name = '@casl/ability 7.0';

export function prepare(rules) {
  const ability = createMongoAbility(
    rules
      .map((rule) => ({
        subject: rule.agent,
        action: rule.action,
        inverted: rule.effect === 'deny',
        conditions: Object.fromEntries(rule.tests.map((test) => [test.field, condition(test)])),
        reason: rule.id,
      }))
      .reverse(),
    { detectSubjectType: (subject) => subject.agent },
  );
  return {
    // CASL's subject is one flat object; building it belongs to asking.
    decide({ agent, action, context }) {
      return ability.relevantRuleFor(action, { ...context, agent })?.reason ?? null;
    },
  };
}

function condition(test) {
  switch (test.is) {
    case 'at_least':
      return { $gte: test.value };
    case 'below':
      return { $lt: test.value };
    case 'equal':
      return test.value;
    default:
      return { $in: test.value };
  }
}
