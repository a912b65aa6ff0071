import type { Effect, RuleInput } from '@policy-studio/engine';

/** One test of a rule, in the words that every system compared here can say. */
export type BenchTest =
  | { readonly field: string; readonly is: 'at_least' | 'below'; readonly value: number }
  | { readonly field: string; readonly is: 'equal'; readonly value: string | number | boolean }
  | { readonly field: string; readonly is: 'one_of'; readonly value: readonly string[] };

/** A rule before it is put into any system's own language. All its tests must hold. */
export interface BenchRule {
  readonly id: string;
  readonly agent: string;
  readonly action: string;
  readonly effect: Effect;
  readonly priority: number;
  readonly tests: readonly BenchTest[];
}

export interface BenchRequest {
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, string | number | boolean>>;
}

export interface Workload {
  readonly title: string;
  /** In decision order: the first rule that matches wins. */
  readonly rules: readonly BenchRule[];
  readonly requests: readonly BenchRequest[];
}

const requestCount = 2_000;
const regions = ['eu-west', 'eu-north', 'us-east', 'us-west', 'ap-south', 'ap-east', 'sa-east', 'af-south'];
const categories = ['spam', 'phishing', 'invoice', 'newsletter', 'support', 'legal', 'payroll', 'travel'];
const effects: readonly Effect[] = ['deny', 'needs_approval', 'allow'];

/**
 * A seeded workload of `ruleCount` rules spread evenly over `pairCount` (agent, action) pairs, and requests that name a
 * pair at random. Every field is present in every request and has the type the rules expect: the systems differ about
 * missing fields and wrong types, and speed is compared on questions they all answer alike.
 *
 * Rules are as selective as many rules in one pair are in practice (each is about a few of the senders), so that about one
 * of them matches a request and a scan has to go a long way.
 */
export function workload(ruleCount: number, pairCount: number): Workload {
  const random = mulberry32(1337 + ruleCount * 31 + pairCount);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const perPair = ruleCount / pairCount;
  const senders = Array.from({ length: Math.max(8, Math.ceil(perPair / 2)) }, (_, index) => `sender-${index}`);
  const pairs = Array.from({ length: pairCount }, (_, index) => ({
    agent: `team${Math.floor(index / 10)}.assistant`,
    action: `tool${index % 10}.run`,
  }));

  const optional: readonly (() => BenchTest)[] = [
    () => ({ field: 'risk_score', is: 'at_least', value: Math.floor(random() * 80) }),
    () => ({ field: 'amount', is: 'below', value: 200 + Math.floor(random() * 800) }),
    () => ({ field: 'category', is: 'equal', value: pick(categories) }),
    () => ({ field: 'region', is: 'one_of', value: distinct(regions, 4, random) }),
    () => ({ field: 'verified', is: 'equal', value: random() < 0.5 }),
  ];
  const rules = Array.from({ length: ruleCount }, (_, index): BenchRule => {
    const aboutSender: BenchTest =
      random() < 0.5
        ? { field: 'sender', is: 'equal', value: pick(senders) }
        : { field: 'sender', is: 'one_of', value: distinct(senders, 3, random) };
    const others = distinct(optional, 1 + Math.floor(random() * 3), random).map((test) => test());
    return {
      ...pairs[index % pairCount]!,
      id: `rule-${String(index).padStart(5, '0')}`,
      effect: pick(effects),
      priority: Math.floor(random() * 100),
      tests: [aboutSender, ...others],
    };
  });
  const requests = Array.from(
    { length: requestCount },
    (): BenchRequest => ({
      ...pick(pairs),
      context: {
        sender: pick(senders),
        risk_score: Math.floor(random() * 100),
        amount: Math.floor(random() * 1_000),
        category: pick(categories),
        region: pick(regions),
        verified: random() < 0.5,
      },
    }),
  );
  const title =
    pairCount === 1
      ? `${ruleCount.toLocaleString('en')} rules in one pair`
      : `${ruleCount.toLocaleString('en')} rules, ${perPair} a pair`;
  return parsed({ title, rules: rules.sort(decisionOrder), requests });
}

/** The same as it comes from files and from the wire: strings that are equal are not the same object in memory. */
function parsed({ title, rules, requests }: Workload): Workload {
  const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
  return { title, rules: rules.map(copy), requests: requests.map(copy) };
}

/** Priority, then deny before needs_approval before allow, then id. */
function decisionOrder(a: BenchRule, b: BenchRule): number {
  return b.priority - a.priority || effects.indexOf(a.effect) - effects.indexOf(b.effect) || (a.id < b.id ? -1 : 1);
}

/** The rule as people write it for Policy Studio. */
export function asRule(rule: BenchRule): RuleInput {
  const conditions = Object.fromEntries(rule.tests.map(asEntry));
  const { id, agent, action, effect, priority } = rule;
  return { id, agent, action, effect, priority, conditions, reason: 'A rule of the benchmark.' };
}

function asEntry(test: BenchTest): [string, unknown] {
  switch (test.is) {
    case 'at_least':
      return [`>=${test.field}`, test.value];
    case 'below':
      return [`<${test.field}`, test.value];
    default:
      return [test.field, test.value];
  }
}

function distinct<T>(values: readonly T[], count: number, random: () => number): T[] {
  const rest = [...values];
  return Array.from({ length: count }, () => rest.splice(Math.floor(random() * rest.length), 1)[0]!);
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
