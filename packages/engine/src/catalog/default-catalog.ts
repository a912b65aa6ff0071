import type { Catalog, CatalogAction, JsonSchema } from './catalog.js';

const number = (description: string): JsonSchema => ({ type: 'number', description });
const text = (description: string): JsonSchema => ({ type: 'string', description });

const message: Readonly<Record<string, JsonSchema>> = {
  risk_score: number('How dangerous the message is, 0 to 100'),
  domain_seen_days: number("Days since the sender's domain was first seen"),
  category: text('What kind of message it is, such as `phishing`, `spam` or `newsletter`'),
  confidence: number('How sure the classifier is, 0 to 1'),
  timestamp: text('When the message came in, RFC 3339'),
};

const index: Readonly<Record<string, JsonSchema>> = {
  index_size_gb: number('Size of the index'),
  num_documents: number('Documents in the index'),
  estimated_cost: number('USD'),
  estimated_hours: number('How long it takes'),
};

const deployment: Readonly<Record<string, JsonSchema>> = {
  version: text('The version to deploy'),
  canary_pct: number('Share of traffic it gets first, in percent'),
  risk_level: text('How risky the change is: `low`, `medium`, `high` or `critical`'),
};

const rollback: Readonly<Record<string, JsonSchema>> = {
  from_version: text('The version to leave'),
  to_version: text('The version to go back to'),
  severity: text('Of the incident, such as `sev1`'),
  reason: text('Why'),
};

/** Nothing is required and nothing excluded: fields that are not named may hold any JSON. */
function action(
  name: string,
  risk: CatalogAction['risk'],
  description: string,
  properties: Readonly<Record<string, JsonSchema>>,
): CatalogAction {
  const context_schema = { type: 'object', properties };
  return { action: name, agents: null, context_schema, risk, cost: null, description, annotations: {} };
}

/** What every workspace knows to begin with. Every agent may use every action; types are all that schemas ask for. */
export const defaultCatalog: Catalog = {
  agents: [
    { agent: 'inbox.triage', description: 'Sorts incoming mail' },
    { agent: 'knowledge.search', description: "Keeps the search index over the company's documents" },
    { agent: 'planner.deploy', description: 'Brings versions into production' },
  ],
  actions: [
    action('allow', 'low', 'Let a message through', message),
    action('quarantine', 'medium', 'Keep a message from its reader', message),
    action('escalate', 'low', 'Show a message to a person', message),
    action('apply', 'medium', 'Apply changes to the index', index),
    action('update', 'medium', 'Update documents of the index', index),
    action('delete', 'high', 'Delete documents from the index', index),
    action('reindex', 'high', 'Build the index anew', index),
    action('deploy', 'high', 'Deploy a version', deployment),
    action('rollback', 'high', 'Go back to an earlier version', rollback),
  ],
};
