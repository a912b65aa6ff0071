import type { SimulationCase } from './case.js';

/** The nine cases that every workspace can try its rules on; their actions are in the default catalog. */
export const fixtures: readonly SimulationCase[] = [
  {
    case_id: 'inbox_high_risk_new_domain',
    agent: 'inbox.triage',
    action: 'quarantine',
    context: { risk_score: 95, domain_seen_days: 5, category: 'phishing', confidence: 0.98 },
  },
  {
    case_id: 'inbox_high_risk_known_domain',
    agent: 'inbox.triage',
    action: 'quarantine',
    context: { risk_score: 92, domain_seen_days: 180, category: 'spam', confidence: 0.85 },
  },
  {
    case_id: 'inbox_low_risk',
    agent: 'inbox.triage',
    action: 'quarantine',
    context: { risk_score: 25, domain_seen_days: 365, category: 'newsletter', confidence: 0.9 },
  },
  {
    case_id: 'knowledge_full_reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    context: { index_size_gb: 100, num_documents: 1_000_000, estimated_cost: 50, estimated_hours: 4 },
  },
  {
    case_id: 'knowledge_small_reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    context: { index_size_gb: 1, num_documents: 10_000, estimated_cost: 2, estimated_hours: 0.5 },
  },
  {
    case_id: 'planner_deploy_canary',
    agent: 'planner.deploy',
    action: 'deploy',
    context: { version: 'v1.2.3', canary_pct: 10, risk_level: 'medium' },
  },
  {
    case_id: 'planner_rollback_critical',
    agent: 'planner.deploy',
    action: 'rollback',
    context: { from_version: 'v1.2.3', to_version: 'v1.2.2', severity: 'sev1', reason: 'Critical regression' },
  },
  {
    case_id: 'edge_missing_fields',
    agent: 'inbox.triage',
    action: 'escalate',
    context: { timestamp: '2025-01-15T10:30:00Z' },
  },
  {
    case_id: 'edge_extreme_values',
    agent: 'inbox.triage',
    action: 'quarantine',
    context: { risk_score: 100, confidence: 1, domain_seen_days: 0 },
  },
];
