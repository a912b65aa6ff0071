import { PolicyStudioClient } from '@policy-studio/sdk';

type Rule = Record<string, unknown> & { readonly id: string };

/** The rules that the pictures and journeys are about: mail, search and deployments. */
export const stableRules: readonly Rule[] = [
  {
    id: 'inbox-deny-trusted',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'deny',
    priority: 950,
    conditions: { sender: ['ceo@acme.example', 'board@acme.example'] },
    reason: 'Mail of the board is never hidden.',
    tags: ['inbox'],
  },
  {
    id: 'planner-rollback-critical',
    agent: 'planner.deploy',
    action: 'rollback',
    effect: 'allow',
    priority: 900,
    conditions: { severity: ['sev1', 'sev2'] },
    reason: 'Going back is always faster than a meeting.',
  },
  {
    id: 'planner-deny-weekend',
    agent: 'planner.deploy',
    action: 'deploy',
    effect: 'deny',
    priority: 850,
    conditions: { is_weekend: true },
    reason: 'No deployments on a weekend.',
  },
  {
    id: 'planner-approve-high-risk',
    agent: 'planner.deploy',
    action: 'deploy',
    effect: 'needs_approval',
    priority: 800,
    conditions: { risk_level: ['high', 'critical'] },
    reason: 'A person looks at risky deployments first.',
    budget: { cost: 5, compute: 1, risk: 'high' },
  },
  {
    id: 'knowledge-approve-full',
    agent: 'knowledge.search',
    action: 'reindex',
    effect: 'needs_approval',
    priority: 700,
    conditions: { any: [{ '>=index_size_gb': 50 }, { '>estimated_cost': 20 }] },
    reason: 'A full reindex is dear: somebody agrees to it.',
    budget: { cost: 50, compute: 20, risk: 'medium' },
  },
  {
    id: 'inbox-quarantine-high-risk',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'allow',
    priority: 80,
    conditions: {
      '>=risk_score': 85,
      any: [
        { '<domain_seen_days': 30 },
        { category: ['phishing', 'malware'] },
        { '>=confidence': 0.95, not: { 'recipient in': { list: 'vip_recipients' } } },
      ],
    },
    reason: 'High-risk mail from a new or known-bad sender',
    budget: { cost: 0.02, compute: 0.1, risk: 'low' },
    tags: ['inbox', 'threat'],
  },
  {
    id: 'inbox-escalate-any',
    agent: 'inbox.triage',
    action: 'escalate',
    effect: 'allow',
    reason: 'A person may always be asked',
  },
  {
    id: 'knowledge-small-reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    effect: 'allow',
    conditions: { '<index_size_gb': 5, '<=estimated_cost': 5 },
    reason: 'Small indexes are cheap to build anew.',
    budget: { cost: 2, compute: 1, risk: 'low' },
  },
  {
    id: 'planner-deploy-canary',
    agent: 'planner.deploy',
    action: 'deploy',
    effect: 'allow',
    conditions: { '<=canary_pct': 10, risk_level: ['low', 'medium'] },
    reason: 'Small steps of low risk go on by themselves.',
  },
  {
    id: 'inbox-escalate-vip',
    agent: 'inbox.triage',
    action: 'escalate',
    effect: 'needs_approval',
    priority: 40,
    enabled: false,
    conditions: { 'recipient in': { list: 'vip_recipients' } },
    reason: 'Waits for the list to be complete.',
    budget: { cost: 0.1 },
  },
];

const lowConfidence: Rule = {
  id: 'inbox-deny-low-confidence',
  agent: 'inbox.triage',
  action: 'quarantine',
  effect: 'deny',
  priority: 80,
  conditions: { '<confidence': 0.6 },
  reason: 'Confidence is too low to hide mail from a person.',
};

export interface Seeded {
  /** In force. */
  readonly stableId: number;
  /** At 10 %. */
  readonly canaryId: number;
  /** With warnings. */
  readonly draftId: number;
}

/**
 * A workspace to look at: 2.1.0 in force, 2.2.0 at 10 % of the traffic, 2.3.0 a draft whose activation is asked for, an
 * incident, decisions of all kinds.
 */
export async function seedWorkspace(url: string, token: string): Promise<Seeded> {
  const client = new PolicyStudioClient({ url, token, timeoutMs: 30_000 });
  await client.lists.putList({ name: 'vip_recipients', values: ['cfo@acme.example', 'ceo@acme.example'], live: true });
  const activate = async (id: number, canary_pct: number): Promise<void> => {
    const asked = await client.approvals.createApproval({
      kind: 'activation',
      bundle_id: id,
      initial_pct: canary_pct,
      justification: 'Seen in shadow for a day',
    });
    await client.approvals.approve({ id: asked.id });
    await client.bundles.activateBundle({ id, approval_id: asked.id, canary_pct });
  };
  const first = await client.bundles.createBundle({
    version: '2.0.0',
    rules: stableRules.slice(0, 6),
    notes: 'First rules',
  });
  await activate(first.id, 100);
  const stable = await client.bundles.createBundle({
    version: '2.1.0',
    rules: [...stableRules],
    notes: 'Deployments and the index',
  });
  await activate(stable.id, 100);
  const canary = await client.bundles.createBundle({
    version: '2.2.0',
    rules: [...stableRules.slice(0, 5), { ...lowConfidence, priority: 90 }, ...stableRules.slice(5)],
    notes: 'Doubtful mail stays visible',
  });
  await activate(canary.id, 10);
  const draft = await client.bundles.createBundle({
    version: '2.3.0',
    rules: [...stableRules.slice(0, 5), lowConfidence, ...stableRules.slice(5)],
    notes: 'copy of 2.2.0, threat desk’s thresholds',
  });
  await client.approvals.createApproval({
    kind: 'activation',
    bundle_id: draft.id,
    justification: 'The threat desk asks for it',
    risk: 'medium',
  });
  await client.incidents.createIncident({
    severity: 'medium',
    summary: 'knowledge.search is failing, 8.2 % of its actions',
    tied_to_policy: false,
  });
  for (const [index, request] of requests().entries()) {
    await client.decisions.evaluate({ ...request, session: `session-${index % 7}` });
  }
  return { stableId: stable.id, canaryId: canary.id, draftId: draft.id };
}

function requests() {
  return Array.from({ length: 24 }, (_, index) => {
    switch (index % 4) {
      case 0:
        return {
          agent: 'inbox.triage',
          action: 'quarantine',
          context: { risk_score: 80 + index, domain_seen_days: 5, category: 'spam', confidence: 0.9 },
        };
      case 1:
        return {
          agent: 'knowledge.search',
          action: 'reindex',
          context: { index_size_gb: index * 4, estimated_cost: index },
        };
      case 2:
        return {
          agent: 'planner.deploy',
          action: 'deploy',
          context: { version: `v1.2.${index}`, canary_pct: 10, risk_level: 'medium' },
        };
      default:
        return { agent: 'inbox.triage', action: 'escalate', context: { timestamp: '2026-11-23T12:00:00Z' } };
    }
  });
}
