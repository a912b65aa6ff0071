// Cedar's validator parses policies and checks their types against a schema. It does not ask whether policies meet, cover
// each other or never hold, so it does the smaller part of the work; needs_approval and priorities are not in Cedar.
import { setFlagsFromString } from 'node:v8';
import { validate } from '@cedar-policy/cedar-wasm/nodejs';

// As in decide/peers/cedar.mjs: Node 20 dies when it inlines calls into wasm.
setFlagsFromString('--no-turbo-inline-js-wasm-calls');

/** What validating the rules of the workload takes: a function that does it and returns the number of errors. */
export function validation(rules) {
  const staticPolicies = Object.fromEntries(rules.map((rule) => [rule.id, policy(rule)]));
  const actions = [...new Set(rules.map(({ action }) => action))].filter((name) => name !== '*');
  const agents = { principalTypes: ['Agent'], resourceTypes: ['Workspace'], context: { type: 'Record', attributes } };
  const schema = {
    '': {
      entityTypes: { Agent: {}, Workspace: {} },
      actions: Object.fromEntries(actions.map((name) => [name, { appliesTo: agents }])),
    },
  };
  return () => {
    const answer = validate({ validationSettings: { mode: 'strict' }, schema, policies: { staticPolicies } });
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors[0]));
    return answer.validationErrors.length;
  };
}

const long = { type: 'Long' };
const string = { type: 'String' };
const attributes = {
  risk_score: long,
  domain_seen_days: long,
  current_hour: long,
  confidence: long,
  category: string,
  recipient: string,
  subject: string,
  tenant: string,
};

function policy({ agent, action, effect, conditions }) {
  const scope = [
    agent === '*' ? 'principal' : `principal == Agent::"${agent}"`,
    action === '*' ? 'action' : `action == Action::"${action}"`,
  ].join(', ');
  const tests = Object.entries(conditions).map(([key, value]) => test(key, value));
  const word = effect === 'deny' ? 'forbid' : 'permit';
  return `${word} (${scope}, resource) when { ${tests.join(' && ')} };`;
}

function test(key, value) {
  const comparison = /^(>=|<|>)(\w+)$/.exec(key);
  if (comparison !== null) return `context.${comparison[2]} ${comparison[1]} ${value}`;
  const [field, word] = key.split(' ');
  switch (word) {
    case 'in':
      return `${JSON.stringify(value)}.contains(context.${field})`;
    case 'contains':
      return `context.${field} like "*${value}*"`;
    case 'ends_with':
      return `context.${field} like "*${value}"`;
    default: {
      const inValue = /^(>=|<)([\d.]+)$/.exec(value);
      if (inValue === null) return `context.${field} == ${JSON.stringify(value)}`;
      // Cedar has no fractions.
      const number = field === 'confidence' ? Math.round(Number(inValue[2]) * 100) : Number(inValue[2]);
      return `context.${field} ${inValue[1]} ${number}`;
    }
  }
}
