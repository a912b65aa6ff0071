function quarantineFrom(risk) {
  return {
    id: 'quarantine-risky-mail',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'allow',
    conditions: { '>=risk_score': risk },
    reason: 'mail of this risk may be set aside',
  };
}

const escalate = {
  id: 'escalate-any-mail',
  agent: 'inbox.triage',
  action: 'escalate',
  effect: 'allow',
  reason: 'a person may always be asked to look',
};

/** What is in force first, a change that does no harm, and one that keeps the agents from their work. */
export const bundles = {
  first: [quarantineFrom(50), escalate],
  good: [quarantineFrom(53), escalate],
  bad: [quarantineFrom(95), escalate],
};

/** One of the questions that agents ask, always the same for the same numbers: nine of ten to quarantine, risk 45 to 99. */
export function request(turn, place) {
  const mixed = (turn * 2_654_435_761 + place * 40_503) % 2 ** 32;
  return {
    agent: 'inbox.triage',
    action: mixed % 10 === 0 ? 'escalate' : 'quarantine',
    context: { risk_score: 45 + (Math.floor(mixed / 16) % 55) },
    session: `mail-${mixed % 20_011}`,
  };
}
