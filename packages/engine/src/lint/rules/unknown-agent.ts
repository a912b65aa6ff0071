import { quoted } from '../../diagnostic.js';
import { at, type LintCheck } from '../check.js';
import { replace } from '../edits.js';
import { nearestLookup } from '../nearest-lookup.js';
import { listed } from '../wording.js';

const maxLookups = 100;

export const check: LintCheck = {
  code: 'unknown-agent',
  severity: 'error',
  severityIn: ({ catalogMode }) => (catalogMode === 'open' ? 'warning' : 'error'),
  *find({ rules, catalog }) {
    if (catalog === null) return;
    const nearestAgents = nearestLookup(maxLookups, catalog.nearestAgents);
    for (const each of rules) {
      const { id, agent, enabled } = each.rule;
      if (!enabled || catalog.knowsAgent(agent)) continue;
      const near = nearestAgents(agent);
      const [first] = near;
      yield {
        rule: at(each),
        path: ['agent'],
        message: `the catalog has no agent ${agent.endsWith('*') ? `that ${quoted(agent)} matches` : quoted(agent)}, so \`${id}\` may never be asked`,
        suggestion:
          first === undefined
            ? { message: 'add the agent to the catalog, or correct the name' }
            : {
                message: `write ${listed(near, 'or')}, or add the agent to the catalog`,
                patch: [replace([each.index, 'agent'], first)],
              },
      };
    }
  },
};
