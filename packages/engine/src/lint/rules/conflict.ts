import type { Overlap, Unreachable } from '../../analysis/analyse.js';
import { decide } from '../../decide.js';
import { at, type Found, type LintCheck, type LintContext } from '../check.js';
import { undecidedFindings } from '../undecided.js';
import { precedence, verb } from '../wording.js';

export const check: LintCheck = {
  code: 'conflict',
  severity: 'warning',
  *find(context) {
    const { overlaps, unreachable } = context.analysis();
    const dead = new Map(unreachable.map((each) => [each.rule, each]));
    const told = new Set<string>();
    for (const { rule, shown, opposed } of overlaps) {
      const meetings = shown.filter((overlap) => overlap.opposed);
      const hidden = opposed - meetings.length;
      for (const [i, overlap] of meetings.entries()) {
        told.add(`${rule} ${overlap.rule}`);
        const isTaken = dead.get(overlap.rule)?.cover.includes(rule) === true;
        const more = i === meetings.length - 1 ? hidden : 0;
        yield overlap.relation === 'exception' && !isTaken
          ? exception(context, rule, overlap, more)
          : clash(context, rule, overlap, isTaken, more);
      }
      if (meetings.length === 0 && opposed > 0) yield hiddenClash(context, rule, opposed);
    }
    for (const each of unreachable) yield* lostRule(context, each, told);
    yield* undecidedFindings(context, ['overlap'], (id, count) => {
      return `whether \`${id}\` meets ${count === 1 ? 'a lower rule' : `${count} lower rules`} of another effect`;
    });
  },
};

const advice =
  'narrow one of the two, or set their priorities apart so that it is plain which one should win; if it is meant as it is, say why under `metadata.lint_ignore`';

function exception(context: LintContext, higher: string, { rule: lower, witness }: Overlap, more: number): Found {
  const above = context.ruleOf(higher).rule;
  return {
    rule: at(context.ruleOf(higher)),
    severity: 'info',
    message: `\`${higher}\` is an exception to \`${lower}\`${others(more)}: everything it ${verb[above.effect]}, the other decides the opposite way; that is the usual pattern, and nothing to do`,
    witness,
    related: [lower],
  };
}

function clash(
  context: LintContext,
  higher: string,
  { rule: lower, witness, relation }: Overlap,
  isTaken: boolean,
  more: number,
): Found {
  const [above, below] = [context.ruleOf(higher).rule, context.ruleOf(lower).rule];
  const open = relation === null ? '; whether the one is simply an exception to the other is undecided' : '';
  const lost = isTaken ? `; \`${lower}\` never decides any request` : '';
  return {
    rule: at(context.ruleOf(higher)),
    message: `\`${higher}\` ${verb[above.effect]} requests that \`${lower}\`${others(more)} ${verb[below.effect]}: where both match, \`${higher}\` wins, because ${precedence(above, below)}${lost}${open}`,
    suggestion: { message: advice },
    witness,
    related: [lower],
  };
}

function others(more: number): string {
  return more === 0 ? '' : ` (and ${more} more)`;
}

/** The rule meets opposed ones, but the few that are shown are of more interest for other reasons. */
function hiddenClash(context: LintContext, higher: string, count: number): Found {
  return {
    rule: at(context.ruleOf(higher)),
    message: `\`${higher}\` meets ${count === 1 ? 'a lower rule' : `${count} lower rules`} of the opposite effect`,
    suggestion: { message: advice },
  };
}

/** A rule that is covered by several is in conflict with one that decides the opposite way. */
function* lostRule(
  context: LintContext,
  { rule: id, cover, witness }: Unreachable,
  told: ReadonlySet<string>,
): Iterable<Found> {
  const { rule } = context.ruleOf(id);
  const opposite = { allow: 'deny', deny: 'allow', needs_approval: null }[rule.effect];
  const opposed = cover.filter((name) => context.ruleOf(name).rule.effect === opposite);
  if (opposed.length === 0 || opposed.some((name) => told.has(`${name} ${id}`))) return;
  const winner = witness === null ? null : decide(context.policy, witness).matched_rule;
  const shows = winner !== null && opposed.includes(winner);
  const higher = shows ? winner : (opposed[0] as string);
  yield {
    rule: at(context.ruleOf(higher)),
    message: `\`${higher}\` ${verb[context.ruleOf(higher).rule.effect]} requests that \`${id}\` ${verb[rule.effect]}, and \`${id}\` never decides any`,
    suggestion: { message: advice },
    witness: shows ? witness : null,
    related: [id],
  };
}
