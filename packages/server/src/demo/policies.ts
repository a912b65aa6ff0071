type Rule = Readonly<Record<string, unknown>>;

const inbox = (quarantineFrom: number, unsureBelow: number): Rule[] => [
  {
    id: 'inbox-deny-unsure',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'deny',
    priority: 90,
    conditions: { 'confidence <': unsureBelow },
    reason: 'The classifier is not sure enough to keep mail from its reader',
    tags: ['inbox'],
  },
  {
    id: 'inbox-quarantine-risky',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'allow',
    priority: 80,
    conditions: { any: [{ 'risk_score >=': quarantineFrom }, { 'category in': { list: 'blocked_categories' } }] },
    reason: 'Risky mail is set aside',
    budget: { cost: 0.02, compute: 0.1, risk: 'low' },
    tags: ['inbox', 'threat'],
  },
  {
    id: 'inbox-escalate-any',
    agent: 'inbox.triage',
    action: 'escalate',
    effect: 'allow',
    priority: 50,
    reason: 'A person may always be asked to look',
    tags: ['inbox'],
  },
  {
    id: 'inbox-allow-harmless',
    agent: 'inbox.triage',
    action: 'allow',
    effect: 'allow',
    priority: 50,
    conditions: { 'risk_score <': 60 },
    reason: 'Mail of little risk goes through',
    tags: ['inbox'],
  },
];

const knowledge: readonly Rule[] = [
  {
    id: 'knowledge-update',
    agent: 'knowledge.search',
    action: 'update',
    effect: 'allow',
    priority: 50,
    conditions: { 'num_documents <=': 5000 },
    reason: 'Small updates of the index are routine',
  },
  {
    id: 'knowledge-approve-delete',
    agent: 'knowledge.search',
    action: 'delete',
    effect: 'needs_approval',
    priority: 70,
    reason: 'Deleted documents do not come back',
    budget: { cost: 0.4, risk: 'high' },
  },
  {
    id: 'knowledge-deny-costly-reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    effect: 'deny',
    priority: 80,
    conditions: { 'estimated_cost >': 100 },
    reason: 'A rebuild this large is planned, not improvised',
  },
  {
    id: 'knowledge-small-reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    effect: 'allow',
    priority: 50,
    reason: 'Small rebuilds are cheap',
    budget: { cost: 0.03 },
  },
];

const planner = (widestPct: number): Rule[] => [
  {
    id: 'planner-approve-high-risk',
    agent: 'planner.deploy',
    action: 'deploy',
    effect: 'needs_approval',
    priority: 95,
    conditions: { 'risk_level in': ['high', 'critical'] },
    reason: 'A person takes responsibility for risky versions',
    budget: { cost: 0.2, risk: 'high' },
  },
  {
    id: 'planner-deny-wide',
    agent: 'planner.deploy',
    action: 'deploy',
    effect: 'deny',
    priority: 85,
    conditions: { 'canary_pct >': widestPct },
    reason: 'New versions begin with a small part of the traffic',
  },
  {
    id: 'planner-deploy-canary',
    agent: 'planner.deploy',
    action: 'deploy',
    effect: 'allow',
    priority: 50,
    reason: 'Small steps of little risk',
    budget: { cost: 0.02 },
  },
  {
    id: 'planner-rollback',
    agent: 'planner.deploy',
    action: 'rollback',
    effect: 'allow',
    priority: 90,
    reason: 'The way back is always open',
  },
];

/** The versions of the demo's policy, oldest first. */
export const policies = {
  /** All but routine updates of the index. */
  first: [...inbox(75, 0.2), ...knowledge.slice(1), ...planner(50)],
  wider: [...inbox(72, 0.2), ...knowledge, ...planner(50)],
  /** Keeps the agents from their work. */
  harsh: [...inbox(98, 0.6), ...knowledge, ...planner(5)],
  running: [...inbox(72, 0.37), ...knowledge, ...planner(25)],
  /** Wants an approval. */
  proposed: [
    ...inbox(72, 0.37),
    ...knowledge,
    ...planner(25),
    {
      id: 'knowledge-apply-small',
      agent: 'knowledge.search',
      action: 'apply',
      effect: 'allow',
      priority: 50,
      conditions: { 'num_documents <=': 500 },
      reason: 'Small changes of the index may be applied at once',
    },
  ],
  /** A draft with findings: two rules of one priority disagree, and one never matches. */
  draft: [
    ...inbox(72, 0.37),
    ...knowledge,
    ...planner(25),
    {
      id: 'inbox-deny-newsletters',
      agent: 'inbox.triage',
      action: 'quarantine',
      effect: 'deny',
      priority: 80,
      conditions: { category: 'newsletter' },
      reason: 'Newsletters are never set aside',
    },
    {
      id: 'inbox-quarantine-new-domains',
      agent: 'inbox.triage',
      action: 'quarantine',
      effect: 'allow',
      priority: 60,
      conditions: { 'domain_seen_days <': 3, 'risk_score >': 100 },
      reason: 'Domains nobody has seen before',
    },
  ],
} as const;

export const blockedCategories = ['malware', 'phishing', 'spoofing'] as const;
