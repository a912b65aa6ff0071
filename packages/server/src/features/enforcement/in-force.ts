import type { BundleRef, Effect } from '@policy-studio/contract';
import {
  bundleDigest,
  type Catalog,
  type ClockFacts,
  type CompiledCatalog,
  type CompiledPolicy,
  type ContextSchema,
  clockIn,
  compile,
  type RuleInput,
  sensitivePaths,
  warm,
} from '@policy-studio/engine';
import { compiledCatalog } from '../catalog/queries.js';
import { type CurrentList, engineLists } from '../lists/queries.js';
import { calendarIn } from './calendar.js';

export interface BundleInForce {
  readonly id: number;
  readonly version: string;
  readonly digest: string;
  readonly rules: readonly RuleInput[];
}

export type ListInForce = Pick<CurrentList, 'version' | 'digest' | 'normalize' | 'values'>;

/** What is in force in a workspace at one generation, as stored: plain JSON, immutable. */
export interface InForce {
  readonly workspaceId: number;
  readonly generation: number;
  /** null: nothing is active, the default effect decides everything. */
  readonly stable: BundleInForce | null;
  /** The named lists that the bundle reads. */
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
  readonly maxStaleMinutes: number;
}

/** The same, ready to decide with. */
export interface Enforced extends InForce {
  readonly policy: CompiledPolicy;
  readonly known: CompiledCatalog;
  /** By action, the paths of the fields that are not to be recorded. */
  readonly sensitive: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly bundle: BundleRef | null;
  readonly listVersions: Readonly<Record<string, number>>;
  /** The clock's facts in the workspace's time zone. */
  readonly clockFacts: (nowMs: number) => ClockFacts;
  /** The calendar day in the workspace's time zone, `2026-03-01`. */
  readonly calendarDay: (nowMs: number) => string;
}

/** Compiles what is in force, or says in one sentence why it cannot be: a digest that does not fit, a rule, a list or a schema that is broken. */
export function enforce(source: InForce): Enforced | string {
  const { stable } = source;
  const policy = compilePolicy(stable?.rules ?? [], source.lists, source.defaultEffect, stable?.digest ?? null);
  if (typeof policy === 'string') return stable ? `bundle ${stable.id} ${policy}` : policy;
  const known = compiledCatalog({ catalog: source.catalog, stamp: source.catalogStamp });
  if (Array.isArray(known)) return `the catalog cannot be used: ${known[0]?.message}`;
  // Before the swap, so that no request pays for the first look at its pair.
  warm(policy);
  return {
    ...source,
    policy,
    known,
    sensitive: sensitiveFields(known),
    bundle: stable && { id: stable.id, version: stable.version, digest: stable.digest },
    listVersions: Object.fromEntries(Object.entries(source.lists).map(([name, { version }]) => [name, version])),
    clockFacts: clockIn(source.timeZone),
    calendarDay: calendarIn(source.timeZone),
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
