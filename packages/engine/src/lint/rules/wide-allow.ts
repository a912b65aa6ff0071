import { at, type LintCheck } from '../check.js';

export const check: LintCheck = {
  code: 'wide-allow',
  severity: 'warning',
  *find({ rules }) {
    for (const each of rules) {
      const { id, agent, action, effect, enabled } = each.rule;
      const { condition } = each;
      const isAlways = condition.kind === 'all' && condition.of.length === 0;
      if (!enabled || effect !== 'allow' || !isAlways) continue;
      if (action === '*') {
        const who = agent === '*' ? 'every agent' : `\`${agent}\``;
        yield {
          rule: at(each),
          path: ['action'],
          message: `\`${id}\` allows ${who} every action, unconditionally: tools that are added later are allowed before anyone has looked at them`,
          suggestion: { message: 'name the actions, or add conditions; leave the rest to the default effect' },
        };
      } else if (agent === '*') {
        yield {
          rule: at(each),
          path: ['agent'],
          message: `\`${id}\` allows \`${action}\` to every agent, unconditionally, agents that are added later included`,
          suggestion: { message: 'name the agents if not all of them need it' },
        };
      }
    }
  },
};
