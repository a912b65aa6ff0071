import { negationsOf } from '../analysis/coverage.js';
import { admitsType, type ContextTyping, domainOf, type FieldDomain, type JsonType } from '../analysis/domain.js';
import { ask, type PairModel, pairModel, rootOf } from '../analysis/pair-model.js';
import type { Pair } from '../analysis/pairs.js';
import type { Context } from '../analysis/solver.js';
import { fieldsOf, testsOf } from '../condition.js';
import { decide } from '../decide.js';
import { fieldReader } from '../field.js';
import type { Effect } from '../generated/rule.js';
import type { CompiledRule, Plan } from '../plan.js';
import { planFor } from '../policy-index.js';
import type { SoundRule } from '../rule.js';
import type { LintContext } from './check.js';
import { lazy } from './lazy.js';
import { conditionTag, numberOf, rememberDodges } from './memory.js';
import { isNamed, isSetByServer, type Schemas } from './schemas.js';

/** How a caller gets around a rule by changing one field; `decide` confirms both requests. */
export interface Dodge {
  /** The field the rule reads. */
  readonly read: string;
  /** The field that is changed: that one, or one it lies in. */
  readonly field: string;
  /** What the caller does to it, as a verb. */
  readonly change: string;
  /** What the field holds in the request that the rule catches. */
  readonly value: unknown;
  readonly pair: Pair;
  readonly context: Context;
  readonly effect: Effect;
  /** The rule that lets it pass; null: the default effect. */
  readonly decidedBy: string | null;
}

/** What was found about one pair of agent and action, with the work it took: the same for the same rules and schema. */
export interface DodgeRecord {
  readonly work: number;
  /** By rule and field. */
  readonly answers: Map<string, { readonly dodge: Dodge | null; readonly work: number }>;
}

/** Bounds of the search, in clause visits: it looks for examples, and what it does not find it does not claim. */
const maxPairs = 4;
const maxEscapes = 8;
const perQuery = 20_000;
const perQuestion = 100_000;
const perStage = 400_000;
const total = 8_000_000;
/** Rules of one pair, and of all pairs together: making them ready is work that no clause visit counts. */
const maxStageRules = 1_000;
const maxRules = 30_000;

const permissiveness: Readonly<Record<Effect, number>> = { deny: 0, needs_approval: 1, allow: 2 };

/** Finds, for a rule that restricts, each field of its action's schema whose absence or type lets a caller past it. */
export function createDodger(lint: LintContext, schemas: Schemas): (rule: SoundRule) => Dodge[] {
  const stages = new Map<string, Stage | null>();
  let left = total;
  let rulesLeft = maxRules;
  const stageOf = (pair: Pair): Stage | null => {
    const key = `${pair.agent} ${pair.action}`;
    let stage = stages.get(key);
    if (stage === undefined) {
      stage = left <= 0 || rulesLeft <= 0 || lint.mayBeDecidedByOthers(pair) ? null : stageFor(lint, pair);
      stages.set(key, stage);
      left -= stage?.record.work ?? 0;
      rulesLeft -= stage?.plan.rules.length ?? 0;
    }
    return stage;
  };
  return (rule) => {
    const fields = new Set(testsOf(rule.condition).flatMap(fieldsOf));
    for (const field of fields) if (isSetByServer(field)) fields.delete(field);
    const found: Dodge[] = [];
    if (fields.size === 0) return found;
    for (const pair of schemas.samplesIn(rule.rule).slice(0, maxPairs)) {
      const stage = stageOf(pair);
      for (const field of stage === null ? [] : fields) {
        if (left <= 0) return found;
        const { dodge, work } = answerOf(stage as Stage, rule.rule.id, field);
        left -= work;
        if (dodge === null) continue;
        fields.delete(field);
        found.push(dodge);
      }
    }
    return found;
  };
}

/** One pair of agent and action with what decides its requests. */
interface Stage {
  readonly lint: LintContext;
  readonly pair: Pair;
  readonly typing: ContextTyping;
  readonly plan: Plan;
  readonly record: DodgeRecord;
  readonly model: () => PairModel;
  readonly reads: () => readonly ReadonlySet<string>[];
}

function stageFor(lint: LintContext, pair: Pair): Stage | null {
  const typing = lint.catalog?.typing(pair.agent, pair.action);
  if (typing === undefined) return null;
  const plan = planFor(lint.policy.index, pair.agent, pair.action);
  if (plan.rules.length > maxStageRules) return null;
  const reads = lazy(() => plan.rules.map(({ condition }) => new Set(testsOf(condition).flatMap(fieldsOf))));
  const key = keyOf(lint, pair, typing, plan);
  const model = lazy(() => modelOf(lint, plan, typing));
  let record = lint.memory.dodges.get(key);
  if (record === undefined) {
    const made = model();
    if (made === null) return null;
    record = { work: perStage - made.work.left, answers: new Map() };
    rememberDodges(lint.memory, key, record);
  }
  // A pair has a record only where it has a model.
  return { lint, pair, typing, plan, record, model: () => model() as PairModel, reads };
}

/** Everything that the answers about a pair depend on. */
function keyOf(
  { memory, lists, policy, enforceContext }: LintContext,
  pair: Pair,
  typing: ContextTyping,
  plan: Plan,
): string {
  const rules = plan.rules.map(
    ({ id, effect, condition }) => `${id} ${effect} ${conditionTag(memory, condition, lists ?? {})}`,
  );
  const about = [pair.agent, pair.action, numberOf(memory, typing), enforceContext, policy.defaultEffect];
  return [about.join(' '), ...rules].join('\n');
}

/** With the roots of all rules, so that later questions take the same work in whatever order they come. */
function modelOf({ policy }: LintContext, { rules }: Plan, typing: ContextTyping): PairModel | null {
  const { resources } = policy.index;
  const clausal = rules.map(({ condition }) => ({ condition, resources, listTag: () => '' }));
  const model = pairModel(clausal, typing, { perQuery, perPair: perStage });
  if (model !== null) for (const place of rules.keys()) rootOf(model, place);
  return model;
}

function answerOf(stage: Stage, id: string, field: string): { dodge: Dodge | null; work: number } {
  const key = `${id} ${field}`;
  let answer = stage.record.answers.get(key);
  if (answer === undefined) {
    const { work } = stage.model();
    work.left = perQuestion;
    answer = { dodge: dodgeOf(stage, id, field), work: perQuestion - work.left };
    stage.record.answers.set(key, answer);
  }
  return answer;
}

function dodgeOf(stage: Stage, id: string, field: string): Dodge | null {
  const { plan, typing } = stage;
  const place = plan.rules.findIndex((rule) => rule.id === id);
  if (place === -1 || !isNamed(typing, field)) return null;
  const changes = changesOf(stage, field);
  if (changes.length === 0) return null;
  for (const context of caughtContexts(stage, place, field)) {
    const dodge = firstDodge(stage, plan.rules[place] as CompiledRule, field, context, changes);
    if (dodge !== null) return dodge;
  }
  return null;
}

/**
 * Requests that the rule decides and that something more permissive would decide without it. Rules that restrict as
 * much and do not read the field would still catch the request, so they must not hold.
 */
function* caughtContexts(stage: Stage, place: number, field: string): Iterable<Context> {
  const { plan, lint } = stage;
  const reads = stage.reads();
  const model = stage.model();
  const limit = permissiveness[(plan.rules[place] as CompiledRule).effect];
  const isFreer = (effect: Effect) => permissiveness[effect] > limit;
  const others = [...plan.rules.keys()].filter((other) => other !== place);
  const against = others.filter((other) => {
    return other < place || (!isFreer((plan.rules[other] as CompiledRule).effect) && !reads[other]?.has(field));
  });
  const escapes = others.filter((other) => isFreer((plan.rules[other] as CompiledRule).effect) && other > place);
  // What reads the field as well may fall with it.
  escapes.sort((a, b) => Number(reads[a]?.has(field)) - Number(reads[b]?.has(field)));
  const negations = negationsOf(model, against);
  const ways = escapes.slice(0, maxEscapes).map((other) => [model.formulas[other] as PairModel['formulas'][number]]);
  if (isFreer(lint.policy.defaultEffect)) ways.push([]);
  for (const way of ways) {
    const answer = ask(model, place, [...way, ...negations]);
    if (answer.kind === 'satisfiable') yield answer.context;
  }
}

function firstDodge(
  { lint, pair, typing }: Stage,
  rule: CompiledRule,
  read: string,
  caught: Context,
  changes: readonly Change[],
): Dodge | null {
  const value = fieldReader(read)(caught);
  if (value === undefined || decide(lint.policy, { ...pair, context: caught }).matched_rule !== rule.id) return null;
  for (const { field, change, type, to } of changes) {
    if (type === typeIn(value)) continue;
    const context = changed(caught, field.split('.'), to);
    if (lint.enforceContext && typing.admits?.(context) === false) continue;
    const { effect, matched_rule } = decide(lint.policy, { ...pair, context });
    if (permissiveness[effect] <= permissiveness[rule.effect]) continue;
    return { read, field, change, value, pair, context, effect, decidedBy: matched_rule };
  }
  return null;
}

interface Change {
  readonly field: string;
  readonly change: string;
  /** Of the value it is given; null: it is left out. */
  readonly type: SampleType | null;
  readonly to: unknown;
}

type SampleType = Exclude<JsonType, 'integer'>;

const samples: readonly (readonly [SampleType, unknown, string])[] = [
  ['string', 'x', 'sends text as'],
  ['number', 0, 'sends a number as'],
  ['boolean', true, 'sends true or false as'],
  ['array', [], 'sends an array as'],
  ['object', {}, 'sends an object as'],
];

/** What a caller may do to the field: leave it out, or what it lies in, or give it another type. */
function changesOf({ lint, typing }: Stage, field: string): Change[] {
  const changes: Change[] = [];
  const segments = field.split('.');
  for (let length = segments.length; length > 0; length--) {
    const above = segments.slice(0, length).join('.');
    if (lint.enforceContext && domainOf(above, typing).required === true) continue;
    changes.push({ field: above, change: 'leaves out', type: null, to: undefined });
  }
  const domain = lint.enforceContext ? domainOf(field, typing) : {};
  for (const [type, sample, change] of samples) {
    const to = sampleIn(domain, type, sample);
    if (to !== undefined) changes.push({ field, change, type, to });
  }
  return changes;
}

function sampleIn(domain: FieldDomain, type: SampleType, sample: unknown): unknown {
  if (!admitsType(domain, type)) return undefined;
  if (domain.values !== undefined) return domain.values.find((value) => typeIn(value) === type);
  return type === 'number' ? (domain.minimum ?? domain.maximum ?? sample) : sample;
}

function typeIn(value: unknown): SampleType | null {
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' || (type === 'object' && value !== null)
    ? type
    : null;
}

/** The context with the field at the path left out (`undefined`) or changed. */
function changed(context: Context, [name = '', ...below]: readonly string[], to: unknown): Context {
  const entries = Object.entries(context).flatMap(([key, value]): [string, unknown][] => {
    if (key !== name) return [[key, value]];
    if (below.length > 0) return [[key, changed(value as Context, below, to)]];
    return to === undefined ? [] : [[key, to]];
  });
  return Object.fromEntries(entries);
}
