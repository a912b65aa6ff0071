import { admitsScalar, domainOf } from '../analysis/domain.js';
import type { Pair } from '../analysis/pairs.js';
import type { CompiledCatalog } from '../catalog/compiled-catalog.js';
import type { ContextSchema } from '../catalog/schema.js';
import { validateContext } from '../catalog/validate.js';
import type { Resources } from '../check.js';
import type { CompiledPolicy } from '../compile.js';
import { type Test, visitTests } from '../condition.js';
import { type ClockFacts, isFact } from '../facts.js';
import { limits } from '../limits.js';
import { longerThan } from '../parse-condition.js';
import { planFor } from '../policy-index.js';
import type { SimulationCase } from './case.js';
import { type ClockSampler, createClockSampler } from './clock-sample.js';
import { type Draft, fieldIn, setField } from './context-field.js';
import { type Demand, demandsFor } from './demand.js';
import { type EnabledRule, enabledRules } from './enabled-rules.js';
import { createNearValues, meetsBetween, type NearValues, usualOther, valuesBeside } from './near-values.js';
import { createPairChooser } from './pair-choice.js';
import { createRandom, type Random } from './random.js';
import { mightHold } from './schema-fit.js';
import { sampleOf } from './schema-sample.js';

/** What cases are made from besides rules. */
export type SyntheticCatalog = Pick<CompiledCatalog, 'pairs' | 'schemaOf'>;

export interface SyntheticOptions {
  readonly count: number;
  /** An integer. The same seed, policies and catalog give the same cases on every platform. */
  readonly seed: number;
  readonly catalog?: SyntheticCatalog | null;
}

/**
 * Made-up cases, `synthetic-0001` and so on, that sit on and around what the enabled rules of the policies test, and follow
 * the context schemas of the catalog. A larger count only adds cases. `docs/simulation.md` tells how they are made.
 */
export function syntheticCases(policies: readonly CompiledPolicy[], options: SyntheticOptions): SimulationCase[] {
  const { count, seed, catalog = null } = options;
  const random = createRandom(seed);
  const material = materialOf(policies);
  const chooser = createPairChooser(material.rules, catalog?.pairs() ?? []);
  const clock = createClockSampler(seed);
  const order = shuffled(material.rules, random);
  let turn = 0;
  return Array.from({ length: count }, (_, i): SimulationCase => {
    // Three of four cases aim at a rule, each rule in its turn.
    const target = order.length === 0 || random.once(4) ? null : (order[turn++ % order.length] as Aimed);
    const pair = target === null ? chooser.any(random) : chooser.under(target, random);
    const subject: Subject = {
      pair,
      schema: catalog?.schemaOf(pair.agent, pair.action) ?? null,
      demands: target === null ? [] : demandsFor(target.rule.condition, random.below(8) < 5, random),
      resources: target?.resources ?? null,
    };
    const context = contextFor(material, subject, clock, random);
    const case_id = `synthetic-${String(i + 1).padStart(4, '0')}`;
    return { case_id, agent: pair.agent, action: pair.action, context };
  });
}

/** An enabled rule with what its policy looks up. */
interface Aimed extends EnabledRule {
  readonly resources: Resources;
}

/** What all policies together test. */
interface Material {
  readonly rules: readonly Aimed[];
  readonly testsByField: ReadonlyMap<string, readonly PoolTest[]>;
  /** Fields that the pair's rules read, facts left out; sorted. */
  readonly fieldsRead: (pair: Pair) => readonly string[];
  /** Facts that some rule reads, sorted. */
  readonly facts: readonly string[];
  readonly near: NearValues;
}

interface PoolTest {
  readonly test: Test;
  readonly resources: Resources;
}

function materialOf(policies: readonly CompiledPolicy[]): Material {
  const rules = policies.flatMap((policy): Aimed[] =>
    enabledRules(policy).map((rule) => ({ ...rule, resources: policy.index.resources })),
  );
  const testsByField = new Map<string, PoolTest[]>();
  const facts = new Set<string>();
  const noteFact = (field: string) => {
    if (isFact(topOf(field))) facts.add(topOf(field));
  };
  for (const { rule, resources } of rules) {
    visitTests(rule.condition, (test) => {
      noteFact(test.field);
      if (test.operand.kind === 'field') return noteFact(test.operand.field);
      const known = testsByField.get(test.field);
      if (known === undefined) testsByField.set(test.field, [{ test, resources }]);
      else known.push({ test, resources });
    });
  }
  return {
    rules,
    testsByField,
    fieldsRead: fieldReading(policies),
    facts: [...facts].sort(),
    near: createNearValues(),
  };
}

function fieldReading(policies: readonly CompiledPolicy[]): Material['fieldsRead'] {
  const known = new Map<string, readonly string[]>();
  return ({ agent, action }) => {
    const key = `${agent} ${action}`;
    let fields = known.get(key);
    if (fields === undefined) {
      const all = new Set(policies.flatMap(({ index }) => planFor(index, agent, action).fields));
      fields = [...all].filter((field) => !isFact(topOf(field))).sort();
      known.set(key, fields);
    }
    return fields;
  };
}

function topOf(field: string): string {
  const dot = field.indexOf('.');
  return dot === -1 ? field : field.slice(0, dot);
}

interface Subject {
  readonly pair: Pair;
  readonly schema: ContextSchema | null;
  readonly demands: readonly Demand[];
  /** Of the policy whose demands they are. */
  readonly resources: Resources | null;
}

const otherFields = 8;

function contextFor(material: Material, subject: Subject, clock: ClockSampler, random: Random): Draft {
  const { schema, demands } = subject;
  const base = schema === null ? {} : validSample(schema, random);
  const context = structuredClone(base);
  const demanded = byField(demands);
  for (const field of fieldsOfPair(material, subject.pair, demanded, random)) {
    if (fieldIn(context, field) !== undefined && random.once(2)) continue;
    const pool = material.testsByField.get(field) ?? [];
    const value = chosen(material, subject, field, [], pool, random);
    if (value !== undefined) setField(context, field, value);
  }
  for (const [field, its] of demanded) {
    if (isFact(topOf(field))) continue;
    setField(context, field, chosen(material, subject, field, its, [], random));
  }
  setFacts(material, subject, demanded, context, clock, random);
  for (const each of demands) if (each.test.operand.kind === 'field') adjust(subject, each, context, random);
  if (schema === null && random.once(32)) mistype(context, random);
  const made = schema === null ? context : mended(schema, context, base);
  // Rules may hold texts so long that several of them are more than a request may carry.
  return longerThan(JSON.stringify(made), limits.contextBytes) ? base : made;
}

function byField(demands: readonly Demand[]): Map<string, Demand[]> {
  const found = new Map<string, Demand[]>();
  for (const each of demands) {
    if (each.test.operand.kind === 'field') continue;
    const known = found.get(each.test.field);
    if (known === undefined) found.set(each.test.field, [each]);
    else known.push(each);
  }
  return found;
}

/** Some of the fields that the pair's rules read and nothing is demanded of. */
function fieldsOfPair(
  { fieldsRead }: Material,
  pair: Pair,
  demanded: ReadonlyMap<string, unknown>,
  random: Random,
): string[] {
  const free = fieldsRead(pair).filter((field) => !demanded.has(field));
  const wanted = free.length <= otherFields ? free : shuffled(free, random).slice(0, otherFields);
  return wanted.filter(() => !random.once(4));
}

/** A value around the tests, or around one of the pool, that meets all demands where some value does. */
function chosen(
  material: Material,
  subject: Subject,
  field: string,
  demands: readonly Demand[],
  pool: readonly PoolTest[],
  random: Random,
): unknown {
  const { resources } = subject;
  const candidates = demands.flatMap(({ test }) => material.near.around(test, resources as Resources));
  if (pool.length > 0) {
    const { test, resources: others } = random.pick(pool);
    candidates.push(...material.near.around(test, others));
  }
  if (demands.some(({ met }) => !met) && random.once(4)) candidates.push(undefined);
  const fitting = candidates.filter((value) => fits(subject, field, value));
  const meeting = fitting.filter((value) =>
    demands.every(({ test, met }) => material.near.meets(test, resources as Resources)(value) === met),
  );
  if (meeting.length > 0) return random.pick(meeting);
  return fitting.length > 0 ? random.pick(fitting) : undefined;
}

/** A fact is of its domain; any other field is what the schema lets it be. */
function fits({ schema }: Subject, field: string, value: unknown): boolean {
  if (!isFact(field)) return schema === null || mightHold(schema, field, value);
  const domain = domainOf(field, undefined);
  if (value === undefined) return domain.required !== true;
  return !Array.isArray(value) && admitsScalar(domain, value as string | number | boolean);
}

const clockNames: ReadonlySet<string> = new Set(['now', 'current_hour', 'day_of_week', 'is_weekend']);

/** The clock's facts where the rules read any fact, and the others that they read. */
function setFacts(
  material: Material,
  subject: Subject,
  demanded: ReadonlyMap<string, readonly Demand[]>,
  context: Draft,
  clock: ClockSampler,
  random: Random,
): void {
  if (material.facts.length === 0) return;
  const { resources } = subject;
  const clockFits = [...demanded].flatMap(([field, its]) => {
    if (!clockNames.has(field) || field === 'now') return [];
    const name = field as keyof ClockFacts;
    return its.map(({ test, met }) => (facts: ClockFacts) => {
      return material.near.meets(test, resources as Resources)(facts[name]) === met;
    });
  });
  const instant = demanded.has('now')
    ? chosen(material, subject, 'now', demanded.get('now') as readonly Demand[], [], random)
    : undefined;
  const facts = typeof instant === 'string' ? clock.at(instant) : clock.sample(clockFits, random);
  for (const [name, value] of Object.entries(facts)) setField(context, name, value);
  for (const name of material.facts) {
    if (clockNames.has(name)) continue;
    const its = demanded.get(name) ?? [];
    if (its.length === 0 && random.once(8)) continue;
    const pool = its.length === 0 ? (material.testsByField.get(name) ?? []) : [];
    setField(context, name, chosen(material, subject, name, its, pool, random));
  }
}

/** Gives the left field of a test between fields a value that is as demanded, beside that of the right one. */
function adjust(subject: Subject, { test, met }: Demand, context: Draft, random: Random): void {
  if (test.operand.kind !== 'field') return;
  const left = test.field;
  const right = test.operand.field;
  const isMet = meetsBetween(test, subject.resources as Resources);
  if (fieldIn(context, right) === undefined && !isFact(right)) setField(context, right, usualOther(test));
  const other = fieldIn(context, right);
  if (isFact(left) || isMet(fieldIn(context, left), other) === met) return;
  const candidates = valuesBeside(other).filter((value) => fits(subject, left, value) && isMet(value, other) === met);
  if (candidates.length > 0) setField(context, left, random.pick(candidates));
}

/** One field of another type, as a careless or a hostile caller sends it. */
function mistype(context: Draft, random: Random): void {
  const names = Object.keys(context).filter((name) => !isFact(name));
  if (names.length === 0) return;
  const name = random.pick(names);
  const value = context[name];
  context[name] = typeof value === 'string' ? 0 : typeof value === 'object' ? 'text' : String(value);
}

const sampleAttempts = 8;

/** A context that the schema lets through, unless none of a few attempts is one. */
function validSample(schema: ContextSchema, random: Random): Draft {
  let last: Draft = {};
  for (let attempt = 0; attempt < sampleAttempts; attempt++) {
    const sample = sampleOf(schema.root, random);
    if (typeof sample !== 'object' || sample === null || Array.isArray(sample)) continue;
    last = Object.fromEntries(Object.entries(sample).filter(([name]) => !isFact(name)));
    if (validateContext(schema, last).length === 0) return last;
  }
  return last;
}

/** The context with the fields that break the schema as they were in `base`, or `base` itself with the facts. */
function mended(schema: ContextSchema, context: Draft, base: Draft): Draft {
  const violations = validateContext(schema, context);
  if (violations.length === 0) return context;
  for (const { path } of violations) {
    const [name] = path;
    if (name === undefined) continue;
    if (Object.hasOwn(base, name)) context[name] = base[name];
    else delete context[name];
  }
  if (validateContext(schema, context).length === 0) return context;
  return { ...base, ...Object.fromEntries(Object.entries(context).filter(([name]) => isFact(name))) };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const found = [...items];
  for (let i = found.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [found[i], found[j]] = [found[j] as T, found[i] as T];
  }
  return found;
}
