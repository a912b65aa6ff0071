// Cedar has no priorities and no third effect. But it names every permit policy that was satisfied, so each rule is a
// permit and the first of them in decision order is the winner; that choice costs next to nothing and is timed with it.
// The policies are parsed once (`preparsePolicySet`), the fastest way its wasm offers.
import { setFlagsFromString } from 'node:v8';
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';

// Node 20 inlines calls from JavaScript into wasm and dies in its deoptimizer (`unreachable code`) after a while of these.
// Some ten nanoseconds a call do not matter where a call takes a hundred microseconds; other versions ignore the flag.
setFlagsFromString('--no-turbo-inline-js-wasm-calls');

export const name = 'cedar-wasm 4.13';

export function prepare(rules) {
  const setId = `rules-${rules.length}-${rules[0].agent}-${rules.at(-1).id}`;
  const policies = Object.fromEntries(rules.map((rule) => [rule.id, policy(rule)]));
  const parsed = preparsePolicySet(setId, { staticPolicies: policies });
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed.errors[0]));
  const ranks = new Map(rules.map((rule, rank) => [rule.id, rank]));
  return {
    decide({ agent, action, context }) {
      const answer = statefulIsAuthorized({
        principal: { type: 'Agent', id: agent },
        action: { type: 'Action', id: action },
        resource: { type: 'Workspace', id: 'default' },
        context,
        preparsedPolicySetId: setId,
        entities: [],
      });
      if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors[0]));
      let winner = null;
      for (const id of answer.response.diagnostics.reason) {
        if (winner === null || ranks.get(id) < ranks.get(winner)) winner = id;
      }
      return winner;
    },
  };
}

function policy(rule) {
  const when = rule.tests.map(condition).join(' && ');
  return `permit (principal == Agent::"${rule.agent}", action == Action::"${rule.action}", resource) when { ${when} };`;
}

function condition(test) {
  const field = `context.${test.field}`;
  switch (test.is) {
    case 'at_least':
      return `${field} >= ${test.value}`;
    case 'below':
      return `${field} < ${test.value}`;
    case 'equal':
      return `${field} == ${JSON.stringify(test.value)}`;
    default:
      return `${JSON.stringify(test.value)}.contains(${field})`;
  }
}
