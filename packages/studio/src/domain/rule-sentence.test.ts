import { describe, expect, it } from 'vitest';
import { ruleSentence } from './rule-sentence.js';

const says = (conditions: unknown, agent = 'inbox.triage', action = 'quarantine'): string | null =>
  ruleSentence({ agent, action, effect: 'allow', conditions })
    ?.map(({ text }) => text)
    .join('') ?? null;

describe('a rule as a sentence', () => {
  it.each([
    [{}, 'inbox.triage to quarantine, always.'],
    [{ '>=risk_score': 85 }, 'inbox.triage to quarantine when risk_score is at least 85.'],
    [{ category: ['phishing', 'malware'] }, 'inbox.triage to quarantine when category is malware or phishing.'],
    [{ 'category not_in': ['a', 'b'] }, 'inbox.triage to quarantine when category is not a nor b.'],
    [{ 'x exists': false }, 'inbox.triage to quarantine when x is not there.'],
    [{ 'x is_empty': true }, 'inbox.triage to quarantine when x is empty.'],
    [{ '<cost': { field: 'limit' } }, 'inbox.triage to quarantine when cost is below limit.'],
    [{ not: { sender: 'a' } }, 'inbox.triage to quarantine, unless sender is a.'],
    [{ any: [] }, 'inbox.triage to quarantine when never.'],
    [{ 'x in': ['a', 'b', 'c', 'd', 'e', 'f'] }, 'inbox.triage to quarantine when x is a, b, c, d or one of 2 more.'],
  ])('of %j reads well', (conditions, sentence) => {
    expect(says(conditions)).toBe(sentence);
  });

  it('puts groups after what is always needed, and exceptions last', () => {
    const conditions = {
      '>=risk_score': 85,
      any: [{ '<domain_seen_days': 30 }, { '>=confidence': 0.95, not: { 'recipient in': { list: 'vip_recipients' } } }],
    };
    expect(says(conditions)).toContain('risk_score is at least 85');
    expect(says(conditions)).toContain(
      'any of these holds: domain_seen_days is below 30; or confidence is at least 0.95, unless recipient is in the list vip_recipients',
    );
  });

  it('names nobody for any agent and any action', () => {
    expect(says({}, '*', '*')).toBe('any agent to do anything, always.');
  });

  it('has no words for conditions that have no meaning', () => {
    expect(says({ '=>x': 1 })).toBeNull();
  });
});
