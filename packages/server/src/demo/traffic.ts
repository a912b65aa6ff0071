/** What a simulated agent asks. */
export interface Question {
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, string | number>>;
  readonly session: string;
}

/** Sessions that the simulated agents work in. */
const sessions = 4_001;
const categories = ['newsletter', 'spam', 'phishing', 'malware', 'invoice', 'newsletter', 'personal', 'spam'] as const;

/** A number from 0 to 1 that `turn` and `place` always give (the finaliser of MurmurHash3). */
function drawn(turn: number, place: number): number {
  let bits = Math.imul(turn + 1, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * The question of a turn, always the same: mostly mail, some upkeep of the search index, some deployments. None needs a
 * person: see `forPeople`.
 */
export function question(turn: number): Question {
  const draw = (place: number): number => drawn(turn, place);
  const session = `task-${Math.floor(draw(0) * sessions)}`;
  const kind = draw(1);
  if (kind < 0.78) {
    const context = {
      risk_score: Math.round(draw(2) * 70),
      domain_seen_days: Math.round(draw(3) ** 3 * 2000),
      category: categories[Math.floor(draw(4) * categories.length)] ?? 'spam',
      confidence: Math.round((0.15 + 0.85 * draw(5)) * 100) / 100,
    };
    const risky = { ...context, risk_score: 60 + Math.round(draw(2) * 40) };
    if (kind < 0.42) return { agent: 'inbox.triage', action: 'quarantine', context: risky, session };
    return { agent: 'inbox.triage', action: kind < 0.6 ? 'escalate' : 'allow', context, session };
  }
  if (kind < 0.9) {
    const documents = Math.round(draw(2) ** 2 * 6000);
    const context = { index_size_gb: Math.round(draw(3) * 40), num_documents: documents };
    if (kind < 0.87) return { agent: 'knowledge.search', action: 'update', context, session };
    const rebuild = { ...context, estimated_cost: Math.round(draw(4) * 140), estimated_hours: 2 };
    return { agent: 'knowledge.search', action: kind < 0.89 ? 'reindex' : 'apply', context: rebuild, session };
  }
  const version = `v1.${Math.floor(draw(2) * 40)}.${Math.floor(draw(3) * 9)}`;
  if (kind > 0.985) {
    const context = { from_version: version, to_version: 'v1.0.0', severity: 'sev2', reason: 'errors' };
    return { agent: 'planner.deploy', action: 'rollback', context, session };
  }
  const context = { version, canary_pct: Math.ceil(draw(4) * 65), risk_level: draw(5) < 0.6 ? 'low' : 'medium' };
  return { agent: 'planner.deploy', action: 'deploy', context, session };
}

/** What waits for a person: asked again it joins the request that waits already. */
export const forPeople: readonly Question[] = [
  {
    agent: 'knowledge.search',
    action: 'delete',
    context: { index_size_gb: 12, num_documents: 842, estimated_cost: 0.4 },
    session: 'task-clean-up',
  },
  {
    agent: 'planner.deploy',
    action: 'deploy',
    context: { version: 'v1.42.0', canary_pct: 10, risk_level: 'high' },
    session: 'task-release',
  },
];

/** How many ask in ten minutes, more by day than by night (UTC). */
export function askedInTenMinutes(atMs: number): number {
  const hour = (atMs / 3_600_000) % 24;
  return Math.round(60 * (1 + 0.4 * Math.sin(((hour - 8) / 24) * 2 * Math.PI)));
}
