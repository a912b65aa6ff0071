import { quoted } from '../../diagnostic.js';
import { at, type LintCheck } from '../check.js';
import { replace } from '../edits.js';
import { nearestLookup } from '../nearest-lookup.js';
import { listed } from '../wording.js';

const maxLookups = 100;

export const check: LintCheck = {
  code: 'unknown-action',
  severity: 'error',
  severityIn: ({ catalogMode }) => (catalogMode === 'open' ? 'warning' : 'error'),
  *find({ rules, catalog }) {
    if (catalog === null) return;
    const nearestActions = nearestLookup(maxLookups, (scope) => {
      const [agent = '*', action = ''] = scope.split(' ');
      return catalog.nearestActions(agent, action);
    });
    for (const each of rules) {
      const { id, action, enabled } = each.rule;
      // An agent that is not known is said to be so; its action is looked for among all.
      const agent = catalog.knowsAgent(each.rule.agent) ? each.rule.agent : '*';
      if (!enabled || catalog.knowsAction(agent, action)) continue;
      const isOthers = agent !== '*' && catalog.knowsAction('*', action);
      const what = action.endsWith('*') ? `action that ${quoted(action)} matches` : `action ${quoted(action)}`;
      const near = nearestActions(`${agent} ${action}`);
      const [first] = near;
      const otherwise = isOthers ? `let ${quoted(agent)} use it in the catalog` : 'add the action to the catalog';
      yield {
        rule: at(each),
        path: ['action'],
        message: `the catalog has no ${what}${isOthers ? ` for the agent ${quoted(agent)}, only for others` : ''}, so \`${id}\` may never be asked`,
        suggestion:
          first === undefined
            ? { message: `${otherwise}, or correct the name` }
            : {
                message: `write ${listed(near, 'or')}, or ${otherwise}`,
                patch: [replace([each.index, 'action'], first)],
              },
      };
    }
  },
};
