import type { PolicyIndex } from '../policy-index.js';

/** A pair of agent and action that stands for all pairs with the same candidate rules. */
export interface Pair {
  readonly agent: string;
  readonly action: string;
}

/** A pair with the patterns it stands for: names no other rule mentions, or the name itself. */
export interface PairClass extends Pair {
  readonly agentPattern: string;
  readonly actionPattern: string;
}

/**
 * One pair for each list of candidate rules that requests can have under any of the indexes, general ones first. Where
 * two rules meet, the narrower agent and the narrower action of theirs name a pair, so those of rules taken two by two
 * are enough.
 */
export function pairsOf(indexes: readonly PolicyIndex[]): PairClass[] {
  const actionsOf = new Map<string, Set<string>>();
  const actionPatterns = new Set<string>();
  for (const { buckets } of indexes) {
    for (const [agent, byAction] of buckets) {
      const known = actionsOf.get(agent) ?? new Set();
      actionsOf.set(agent, known);
      for (const action of byAction.keys()) {
        known.add(action);
        actionPatterns.add(action);
      }
    }
  }
  const agentNames = namesFor([...actionsOf.keys()]);
  const actionNames = namesFor([...actionPatterns]);
  const patterns: [string, string][] = [['*', '*']];
  for (const [agent, actions] of actionsOf) {
    const meets = new Set(actions);
    const wide = [...actions].filter((action) => action.endsWith('*'));
    for (const above of wide.length === 0 ? [] : aboveOf(agent)) {
      for (const action of actionsOf.get(above) ?? []) {
        if (wide.some((pattern) => isBelow(action, pattern))) meets.add(action);
      }
    }
    for (const action of meets) patterns.push([agent, action]);
  }
  const distinct = new Map(patterns.map((pattern) => [pattern.join(' '), pattern]));
  return [...distinct.values()]
    .map(([agent, action]) => ({ width: widthOf(agent) + widthOf(action), agent, action }))
    .sort((a, b) => b.width - a.width || compare(a.agent, b.agent) || compare(a.action, b.action))
    .flatMap(({ agent: agentPattern, action: actionPattern }) => {
      const agent = agentNames(agentPattern);
      const action = actionNames(actionPattern);
      return agent === null || action === null ? [] : [{ agent, action, agentPattern, actionPattern }];
    });
}

/** The patterns that match all that this one matches, itself left out. */
function aboveOf(pattern: string): string[] {
  if (pattern === '*') return [];
  const above: string[] = [];
  const name = pattern.endsWith('.*') ? pattern.slice(0, -2) : pattern;
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1))
    above.push(`${name.slice(0, dot)}.*`);
  return [...above, '*'];
}

function isBelow(pattern: string, above: string): boolean {
  if (above === '*') return pattern !== '*';
  return above.endsWith('.*') && pattern !== above && pattern.startsWith(above.slice(0, -1));
}

/** 0 for a name, more the more a pattern matches. */
function widthOf(pattern: string): number {
  if (pattern === '*') return 1000;
  return pattern.endsWith('.*') ? 500 - pattern.length : 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const plainNames = ['other', 'x', 'y', 'z', ...'abcdefghijklmnopqrstuvw0123456789_-/:'];

/** A name that matches the pattern and nothing narrower; null when everything it matches matches something narrower. */
function namesFor(patterns: readonly string[]): (pattern: string) => string | null {
  const taken = new Set(patterns);
  const made = new Map<string, string | null>();
  return (pattern) => {
    if (!pattern.endsWith('*')) return pattern;
    const known = made.get(pattern);
    if (known !== undefined) return known;
    const stem = pattern.slice(0, -1);
    const name = plainNames.map((word) => stem + word).find((each) => each.length <= 128 && !taken.has(each));
    const longer = `${stem}${'other'.repeat(25)}`.slice(0, 128);
    const found = name ?? (longer.endsWith('.') || taken.has(longer) ? null : longer);
    made.set(pattern, found);
    return found;
  };
}
