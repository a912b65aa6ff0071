import type { Condition, Test } from '../../condition.js';
import { formatCondition } from '../../format-condition.js';
import { parseKey } from '../../parse-key.js';
import type { SoundRule } from '../../rule.js';
import { at, type Found, type LintCheck } from '../check.js';
import { contradictionIn } from '../contradiction.js';
import { replace } from '../edits.js';
import type { Suggestion } from '../finding.js';
import { undecidedFindings } from '../undecided.js';

/** Looking for what contradicts what costs an analysis a part; beyond these the rule is told of without. */
const maxExplained = 50;

export const check: LintCheck = {
  code: 'never-matches',
  severity: 'warning',
  *find(context) {
    let explained = 0;
    const never = context
      .analysis()
      .neverMatches.map(context.ruleOf)
      .sort((a, b) => a.index - b.index);
    for (const rule of never) {
      explained += 1;
      yield neverMatching(rule, explained > maxExplained ? [] : contradictionIn(context, rule));
    }
    yield* undecidedFindings(
      context,
      ['never-matches'],
      (id) => `whether any request meets the conditions of \`${id}\``,
    );
  },
};

function neverMatching(each: SoundRule, parts: readonly Condition[]): Found {
  const { id, conditions } = each.rule;
  const written = parts.map((part) => `\`${JSON.stringify(formatCondition(part)).slice(1, -1)}\``);
  const [only = '', ...more] = written;
  const because =
    written.length === 0
      ? 'no request can meet all of its conditions'
      : more.length === 0
        ? `no request can meet ${only}`
        : `no request can meet ${written.slice(0, -1).join(', ')} and ${written.at(-1)} together`;
  return {
    rule: at(each),
    path: ['conditions'],
    message: `\`${id}\` never matches: ${because}, so it decides nothing`,
    suggestion: asAlternatives(conditions, each.index, parts) ?? {
      message: 'change the conditions, or remove the rule',
    },
  };
}

const below = new Set(['<', '<=']);
const above = new Set(['>', '>=']);

/** A field below one bound and above a higher one: the author thought of what lies outside of the two. */
function asAlternatives(
  conditions: Readonly<Record<string, unknown>>,
  index: number,
  parts: readonly Condition[],
): Suggestion | null {
  const [one, two] = parts;
  if (parts.length !== 2 || one?.kind !== 'test' || two?.kind !== 'test' || one.field !== two.field) return null;
  const low = [one, two].find(({ operator }) => below.has(operator));
  const high = [one, two].find(({ operator }) => above.has(operator));
  if (low === undefined || high === undefined || Object.hasOwn(conditions, 'any')) return null;
  const rest = Object.entries(conditions).filter(([key]) => !isAbout(key, low.field));
  if (Object.keys(conditions).length - rest.length !== 2) return null;
  const alternatives = [low, high].map((test: Test) => formatCondition(test));
  return {
    message: `to match \`${low.field}\` on both sides of that range, write the two as alternatives under \`any\``,
    patch: [replace([index, 'conditions'], { ...Object.fromEntries(rest), any: alternatives })],
    changes_decisions: true,
  };
}

function isAbout(key: string, field: string): boolean {
  const parsed = parseKey(key);
  return parsed.kind === 'test' && parsed.field === field;
}
