import type { Pair } from '../analysis/pairs.js';
import { matchesName } from '../catalog/name-pattern.js';
import type { EnabledRule } from './enabled-rules.js';
import type { Random } from './random.js';

/** Pairs of agent and action that cases ask about: those of the catalog and of the rules. */
export interface PairChooser {
  /** A pair that the rule's patterns match; one of the catalog where there is one. */
  under(rule: EnabledRule, random: Random): Pair;
  any(random: Random): Pair;
}

export function createPairChooser(rules: readonly EnabledRule[], catalogPairs: readonly Pair[]): PairChooser {
  const agents = namesAmong(
    rules.map(({ agent }) => agent),
    catalogPairs.map(({ agent }) => agent),
  );
  const actions = namesAmong(
    rules.map(({ action }) => action),
    catalogPairs.map(({ action }) => action),
  );
  const known = new Map<string, readonly Pair[]>();
  const pairsUnder = (agent: string, action: string): readonly Pair[] => {
    const key = `${agent} ${action}`;
    let pairs = known.get(key);
    if (pairs === undefined) {
      pairs = catalogPairs.filter((pair) => matchesName(agent, pair.agent) && matchesName(action, pair.action));
      known.set(key, pairs);
    }
    return pairs;
  };
  const under = ({ agent, action }: Pair, random: Random): Pair => {
    const pairs = pairsUnder(agent, action);
    if (pairs.length > 0) return random.pick(pairs);
    return {
      agent: nameUnder(agent, agents, 'agent', random),
      action: nameUnder(action, actions, 'action', random),
    };
  };
  return {
    under,
    any: (random) => {
      if (catalogPairs.length > 0 && (rules.length === 0 || random.once(2))) return random.pick(catalogPairs);
      return under(rules.length === 0 ? { agent: '*', action: '*' } : random.pick(rules), random);
    },
  };
}

function namesAmong(patterns: readonly string[], names: readonly string[]): string[] {
  return [...new Set([...patterns.filter((pattern) => !pattern.endsWith('*')), ...names])].sort();
}

/** A name the pattern matches: a known one, unless there is none or, now and then, to see what strangers get. */
function nameUnder(pattern: string, names: readonly string[], kind: string, random: Random): string {
  if (!pattern.endsWith('*')) return pattern;
  const found = names.filter((name) => matchesName(pattern, name));
  if (found.length > 0 && !random.once(8)) return random.pick(found);
  return pattern === '*' ? `other.${kind}` : `${pattern.slice(0, -1)}other`;
}
