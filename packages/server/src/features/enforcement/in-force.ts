import type { BundleRef, Cap, Effect } from '@policy-studio/contract';
import {
  type BundlePin,
  bundleDigest,
  type Catalog,
  type ClockFacts,
  type CompiledCatalog,
  type CompiledPolicy,
  type ContextSchema,
  clockIn,
  compile,
  listsUsed,
  pinAt,
  type RuleInput,
  sensitivePaths,
  warm,
} from '@policy-studio/engine';
import { compiledCatalog } from '../catalog/queries.js';
import { type CurrentList, engineLists } from '../lists/queries.js';
import { calendarIn, type DayBounds, dayBoundsIn } from './calendar.js';

export interface BundleInForce {
  readonly id: number;
  readonly version: string;
  readonly digest: string;
  readonly rules: readonly RuleInput[];
}

export type ListInForce = Pick<CurrentList, 'version' | 'digest' | 'normalize' | 'values'>;

/** The rollout that runs. */
export interface RolloutInForce {
  readonly id: number;
  readonly phase: 'shadow' | 'canary' | 'baking';
  readonly step: number;
  readonly sharePct: number;
  /** USD at which costs are cut before they count in its evidence; null: they are not. */
  readonly costCeiling: number | null;
}

/** An emergency switch: whoever asks gets this effect. */
export interface PinInForce {
  readonly effect: 'allow' | 'deny';
  /** RFC 3339; it ends by itself. */
  readonly until: string;
  readonly reason: string;
}

/** A bundle that decides everything, whatever the rollouts say. */
export interface BundlePinInForce {
  readonly bundle: BundleInForce;
  /** RFC 3339, when it ends by itself; null: not at all. */
  readonly until: string | null;
  readonly reason: string;
}

/** What is in force in a workspace at one generation, as stored: plain JSON, immutable. */
export interface InForce {
  readonly workspaceId: number;
  readonly generation: number;
  /** The bundle that decides what no canary does; null: nothing is active, the default effect decides. */
  readonly stable: BundleInForce | null;
  readonly rollout: RolloutInForce | null;
  /** The rollout's bundle while it is in shadow or canary. */
  readonly candidate: BundleInForce | null;
  /** While the rollout bakes, and `stable` is its bundle: the one before, for comparison. */
  readonly control: BundleInForce | null;
  /** The built-in safe bundle is in force: everything is denied. */
  readonly safe: boolean;
  readonly pin: PinInForce | null;
  readonly bundlePin: BundlePinInForce | null;
  /** Patterns of the agents that are answered `allow` whatever is decided. */
  readonly observed: readonly string[];
  /** The named lists that the bundles read. */
  readonly lists: Readonly<Record<string, ListInForce>>;
  readonly catalog: Catalog;
  /** Names the catalog's content. */
  readonly catalogStamp: string;
  readonly defaultEffect: Effect;
  readonly timeZone: string;
  /** A request that violates the schema of its action is denied. */
  readonly enforceContext: boolean;
  /** USD a calendar day; null: no cap. */
  readonly costBudget24h: number | null;
  readonly caps: readonly Cap[];
  /** Grows when `caps` change. */
  readonly capsEpoch: number;
  readonly maxStaleMinutes: number;
}

/** One bundle with all it decides by. */
export interface Side {
  /** null: the default effect alone. */
  readonly bundle: BundleRef | null;
  /** null: it cannot be compiled, and fails at every request. */
  readonly policy: CompiledPolicy | null;
  readonly listVersions: Readonly<Record<string, number>>;
}

/** The same, ready to decide with. Its own side is that of `stable`. */
export interface Enforced extends InForce, Side {
  /** What decides while `bundlePin` lasts: its bundle as the only one. Null: none is pinned, or this is it. */
  readonly whilePinned: Enforced | null;
  /** The pin by which this decides; null: none. */
  readonly pinnedTo: BundlePin | null;
  readonly policy: CompiledPolicy;
  /** The side of the candidate or of the control, if there is one. */
  readonly other: Side | null;
  /** The facts that the candidate rules of either side read for this agent and action. */
  readonly factsRead: (agent: string, action: string) => readonly string[];
  readonly known: CompiledCatalog;
  /** By action, the paths of the fields that are not to be recorded. */
  readonly sensitive: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** The clock's facts in the workspace's time zone. */
  readonly clockFacts: (nowMs: number) => ClockFacts;
  /** The calendar day in the workspace's time zone, `2026-03-01`. */
  readonly calendarDay: (nowMs: number) => string;
  readonly dayBounds: (nowMs: number) => DayBounds;
}

/**
 * Compiles what is in force, or says in one sentence why it cannot be: a digest that does not fit, a rule, a list or a
 * schema that is broken. The other bundle of a rollout does not stand in its way: a candidate that is broken fails.
 */
export function enforce(source: InForce): Enforced | string {
  const { bundlePin } = source;
  if (bundlePin === null) return enforceBundles(source, null);
  const { bundle, until, reason } = bundlePin;
  const alone = { ...source, stable: bundle, rollout: null, candidate: null, control: null, safe: false };
  const whilePinned = enforceBundles(alone, { version: bundle.version, until, reason });
  if (typeof whilePinned === 'string') return whilePinned;
  const base = enforceBundles(source, null);
  return typeof base === 'string' ? base : { ...base, whilePinned };
}

/** What decides at that time: the pinned bundle while there is one. */
export function decidedBy(enforced: Enforced, nowMs: number): Enforced {
  const { whilePinned, bundlePin } = enforced;
  return whilePinned !== null && pinAt(bundlePin, nowMs) !== null ? whilePinned : enforced;
}

function enforceBundles(source: InForce, pinnedTo: BundlePin | null): Enforced | string {
  const { stable } = source;
  const policy = compilePolicy(stable?.rules ?? [], source.lists, source.defaultEffect, stable?.digest ?? null);
  if (typeof policy === 'string') return stable ? `bundle ${stable.id} ${policy}` : policy;
  const known = compiledCatalog({ catalog: source.catalog, stamp: source.catalogStamp });
  if (Array.isArray(known)) return `the catalog cannot be used: ${known[0]?.message}`;
  // Before the swap, so that no request pays for the first look at its pair.
  warm(policy);
  const other = otherSide(source);
  const calendarDay = calendarIn(source.timeZone);
  return {
    ...source,
    ...sideOf(source, stable, policy),
    whilePinned: null,
    pinnedTo,
    policy,
    other,
    factsRead: other?.policy ? factsOfBoth(policy, other.policy) : policy.factsRead,
    known,
    sensitive: sensitiveFields(known),
    clockFacts: clockIn(source.timeZone),
    calendarDay,
    dayBounds: dayBoundsIn(calendarDay),
  };
}

function otherSide(source: InForce): Side | null {
  const other = source.candidate ?? source.control;
  if (other === null) return null;
  const policy = compilePolicy(other.rules, source.lists, source.defaultEffect, other.digest);
  if (typeof policy === 'string') return sideOf(source, other, null);
  warm(policy);
  return sideOf(source, other, policy);
}

function sideOf({ lists }: InForce, bundle: BundleInForce | null, policy: CompiledPolicy | null): Side {
  const read = new Set(bundle === null ? [] : listsUsed(bundle.rules));
  return {
    bundle: bundle && { id: bundle.id, version: bundle.version, digest: bundle.digest },
    policy,
    listVersions: Object.fromEntries(
      Object.entries(lists).flatMap(([name, { version }]) => (read.has(name) ? [[name, version]] : [])),
    ),
  };
}

function factsOfBoth(a: CompiledPolicy, b: CompiledPolicy): Enforced['factsRead'] {
  return (agent, action) => {
    const [own, others] = [a.factsRead(agent, action), b.factsRead(agent, action)];
    if (others.length === 0) return own;
    return own.length === 0 ? others : [...new Set([...own, ...others])];
  };
}

const sensitiveIn = new WeakMap<ContextSchema, readonly string[][]>();

function sensitiveFields({ catalog, schemaOf }: CompiledCatalog): Enforced['sensitive'] {
  const found = catalog.actions.flatMap(({ action }): [string, readonly string[][]][] => {
    const schema = schemaOf('*', action);
    if (schema === null) return [];
    const paths = sensitiveIn.get(schema) ?? sensitivePaths(schema);
    sensitiveIn.set(schema, paths);
    return paths.length === 0 ? [] : [[action, paths]];
  });
  return new Map(found);
}

/** Rules with their lists, compiled, after their digest (null: not checked) is seen to be right; else what is wrong. */
export function compilePolicy(
  rules: readonly RuleInput[],
  lists: Readonly<Record<string, Pick<ListInForce, 'values' | 'normalize'>>>,
  defaultEffect: Effect,
  digest: string | null,
): CompiledPolicy | string {
  if (digest !== null) {
    const actual = digestOf(rules);
    if (actual !== digest) return `does not have its digest ${digest} but ${actual ?? 'rules that are not valid'}`;
  }
  const compiled = compile({ rules }, engineLists(Object.entries(lists)), { defaultEffect });
  return Array.isArray(compiled) ? `does not compile: ${compiled[0]?.message ?? 'no reason given'}` : compiled;
}

function digestOf(rules: readonly RuleInput[]): string | null {
  try {
    return bundleDigest(rules);
  } catch {
    return null;
  }
}
