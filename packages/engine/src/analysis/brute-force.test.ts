import { describe, expect, it } from 'vitest';
import { outcome } from '../check.js';
import { compile } from '../compile.js';
import { conditionCheck } from '../condition-check.js';
import { decide } from '../decide.js';
import type { RuleInput } from '../generated/rule.js';
import { type Plan, readHosts, readValues } from '../plan.js';
import { planFor } from '../policy-index.js';
import { negationsOf, reachOf, type WinnerIn } from './coverage.js';
import { meetingOf, witnessOf } from './overlap.js';
import { ask, type PairModel, pairModel } from './pair-model.js';
import { winnerBy } from './pair-record.js';
import { decidable, partlyDecidable } from './profiles.testkit.js';
import { outcomeKey, redundancyOf } from './redundancy.js';
import { contextsOf, type Profile, randomFrom, rulesFrom } from './rule-sets.testkit.js';
import { semanticDiff } from './semantic-diff.js';

/** `FULL=1` takes ten times as many sets and more contexts. */
const full = process.env.FULL === '1';
const setsPerProfile = full ? 40_000 : Number(process.env.SETS ?? 4_600);
const limits = { perQuery: 200_000, perPair: 4_000_000 };
const pair = { agent: 'agent', action: 'act' };

function compiled(rules: readonly RuleInput[], profile: Profile) {
  const policy = compile({ rules }, profile.lists);
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy));
  return policy;
}

interface Case {
  readonly plan: Plan;
  readonly model: PairModel;
  readonly winnerIn: WinnerIn;
  readonly outcomes: readonly string[];
  /** Which rules hold in a context, asked of the evaluator's own conditions. */
  readonly held: (context: Record<string, unknown>) => boolean[];
  readonly rows: readonly boolean[][];
}

function caseOf(rules: readonly RuleInput[], profile: Profile, contexts: readonly Record<string, unknown>[]): Case {
  const policy = compiled(rules, profile);
  const plan = planFor(policy.index, pair.agent, pair.action);
  const listTag = () => '';
  const clausal = plan.rules.map(({ condition }) => ({ condition, resources: policy.index.resources, listTag }));
  const checks = plan.rules.map(({ condition }) => conditionCheck(condition, plan.checkOf));
  const held = (context: Record<string, unknown>) => {
    const values = readValues(plan, context);
    readHosts(plan, values);
    return checks.map((check) => check(values) === outcome.met);
  };
  return {
    plan,
    model: pairModel(clausal, profile.typing, limits) as PairModel,
    winnerIn: winnerBy(plan),
    outcomes: [...plan.rules.map(outcomeKey), outcomeKey({ effect: 'deny', budget: null, minApprovers: null })],
    held,
    rows: contexts.map(held),
  };
}

function claim(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function nextAfter(row: readonly boolean[], rule: number): number {
  const next = row.indexOf(true, rule + 1);
  return next === -1 ? row.length : next;
}

/** Checks what is said about the rule alone; returns how many questions were left open. */
function checkRule(each: Case, rule: number): number {
  const { model, winnerIn, rows, outcomes, held } = each;
  const reach = reachOf(model, rule, winnerIn);
  switch (reach.kind) {
    case 'undecided':
      return 1;
    case 'never':
      claim(!rows.some((row) => row[rule]), `rule ${rule} matches`);
      return 0;
    case 'covered':
      claim(
        rows.every((row) => !row[rule] || reach.cover.some((above) => row[above])),
        `rule ${rule} wins`,
      );
      claim(reach.cover.length > 0 && reach.cover.every((above) => above < rule), 'the cover is not above');
      if (reach.context !== null) {
        const row = held(reach.context);
        claim(row[rule] === true && row.indexOf(true) < rule, 'the witness of being covered is none');
      }
      return 0;
    case 'reachable':
      break;
  }
  claim(held(reach.context).indexOf(true) === rule, `rule ${rule} does not win its witness`);
  const answer = redundancyOf(model, rule, outcomes, reach.context, winnerIn);
  if (answer.kind === 'undecided') return 1;
  if (answer.kind === 'needed') {
    const row = held(answer.context);
    claim(row.indexOf(true) === rule && outcomes[nextAfter(row, rule)] !== outcomes[rule], 'not needed there');
  } else {
    const missed = rows.some((row) => row.indexOf(true) === rule && outcomes[nextAfter(row, rule)] !== outcomes[rule]);
    claim(!missed, `rule ${rule} is not redundant`);
  }
  return 0;
}

function checkMeeting({ model, winnerIn, rows, held }: Case, higher: number, lower: number): number {
  const meeting = meetingOf(model, higher, lower);
  if (meeting.kind === 'undecided') return 1;
  if (meeting.kind === 'apart') {
    claim(!rows.some((row) => row[higher] && row[lower]), `${higher} and ${lower} meet`);
    return 0;
  }
  const context = witnessOf(model, higher, lower, winnerIn, meeting.context);
  if (context === null) return 1;
  const row = held(context);
  claim(row[higher] === true && row[lower] === true, `${higher} and ${lower} do not meet in the witness`);
  if (meeting.within === true)
    claim(!rows.some((each) => each[higher] && !each[lower]), `${higher} is not within ${lower}`);
  if (meeting.within === false) {
    const outside = ask(model, higher, negationsOf(model, [lower]));
    const sticksOut = outside.kind === 'satisfiable' ? held(outside.context) : [];
    claim(sticksOut[higher] === true && sticksOut[lower] === false, `${higher} is within ${lower}`);
  }
  return meeting.within === null ? 1 : 0;
}

function compare(rules: readonly RuleInput[], profile: Profile, contexts: readonly Record<string, unknown>[]): number {
  const each = caseOf(rules, profile, contexts);
  let open = 0;
  for (let rule = 0; rule < each.plan.rules.length; rule++) {
    open += checkRule(each, rule);
    for (let lower = rule + 1; lower < each.plan.rules.length; lower++) open += checkMeeting(each, rule, lower);
  }
  return open;
}

/** The kinds of change that contexts show must be those reported, unless something is open; returns how many are. */
function compareDiff(
  before: readonly RuleInput[],
  after: readonly RuleInput[],
  profile: Profile,
  contexts: readonly Record<string, unknown>[],
): number {
  const a = compiled(before, profile);
  const b = compiled(after, profile);
  const { typing } = profile;
  const diff = semanticDiff(a, b, typing === undefined ? {} : { typing: () => typing });
  const sayBoth = (context: Record<string, unknown>) =>
    [a, b].map((policy) => {
      const { effect, budget, min_approvers, matched_rule } = decide(policy, { ...pair, context });
      return { effect, id: matched_rule, key: outcomeKey({ effect, budget, minApprovers: min_approvers }) };
    });
  const reported = new Set<string>();
  for (const { from, to, witness, rules } of diff.changes) {
    const [x, y] = sayBoth(witness.context);
    claim(
      x?.effect === from && y?.effect === to && x.key !== y.key,
      `the witness ${JSON.stringify(witness)} shows no change`,
    );
    claim(x?.id === rules.from && y?.id === rules.to, 'other rules decide the witness');
    reported.add(`${from} ${to}`);
  }
  for (const { from, to } of diff.undecided) reported.add(`${from} ${to}`);
  for (const context of contexts) {
    const [x, y] = sayBoth(context);
    if (x?.key === y?.key) continue;
    claim(reported.has(`${x?.effect} ${y?.effect}`), `the change in ${JSON.stringify(context)} is not reported`);
  }
  claim(diff.equal === (diff.changes.length + diff.undecided.length === 0), 'equal though something is reported');
  return diff.undecided.length;
}

/** A neighbour of the rules: some dropped, some replaced, some moved in priority. */
function edited(rules: readonly RuleInput[], profile: Profile, random: ReturnType<typeof randomFrom>): RuleInput[] {
  const fresh = rulesFrom(random, profile, rules.length);
  return rules.flatMap((rule, i): RuleInput[] => {
    const roll = random.below(8);
    if (roll === 0) return [];
    const other = fresh[i];
    if (roll === 1 && other !== undefined) return [other];
    if (roll === 2) return [{ ...rule, priority: random.below(4) }];
    return [rule];
  });
}

function run(profile: Profile, seed: number): { rules: number; diffs: number } {
  const contexts = contextsOf(profile, full ? 1_000 : 160);
  const few = contextsOf(profile, 80);
  const random = randomFrom(seed);
  const open = { rules: 0, diffs: 0 };
  for (let i = 0; i < setsPerProfile; i++) {
    const rules = rulesFrom(random, profile, 5);
    const after = i % 4 === 0 ? edited(rules, profile, random) : null;
    try {
      open.rules += compare(rules, profile, contexts);
      if (after !== null) open.diffs += compareDiff(rules, after, profile, few);
    } catch (error) {
      throw new Error(`${profile.name}, set ${i}: ${JSON.stringify({ rules, after })}`, { cause: error });
    }
  }
  return open;
}

const timeout = 1_800_000;

describe('on generated rules, what is said of matching, winning, needing, meeting and changing', () => {
  for (const profile of decidable) {
    it(`agrees with every context and leaves nothing open: ${profile.name}`, { timeout }, () => {
      expect(run(profile, 1)).toEqual({ rules: 0, diffs: 0 });
    });
  }

  for (const profile of partlyDecidable) {
    it(`agrees with every context where it is said: ${profile.name}`, { timeout }, () => {
      const open = run(profile, 2);
      if (full) console.info(`${profile.name}: open in ${setsPerProfile} sets: ${JSON.stringify(open)}`);
      expect(open.rules / setsPerProfile).toBeLessThan(1);
    });
  }
});
