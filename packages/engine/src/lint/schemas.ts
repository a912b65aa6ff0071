import { type ContextTyping, domainOf, type FieldDomain, isBelowScalar } from '../analysis/domain.js';
import type { Pair } from '../analysis/pairs.js';
import { type CompiledCatalog, catalogLimits } from '../catalog/compiled-catalog.js';
import { nearest } from '../diagnostic.js';
import { isFact } from '../facts.js';
import { isInScope, type Scope } from './scope.js';

/** What the catalog's schemas say of the fields that rules read. */
export interface Schemas {
  /** The pairs of the catalog that the scope matches. */
  pairsIn(scope: Scope): readonly Pair[];
  /** What the schema of each of these pairs says, each schema once; null: one of them has none, or there is no pair. */
  typingsIn(scope: Scope): readonly ContextTyping[] | null;
  /** The field most like this one that some schema of the scope names. */
  nearestField(scope: Scope, field: string): string | null;
}

/** More names than these are not compared one by one. */
const maxNames = 500;
const maxLookups = 500;

export function schemasOf(catalog: CompiledCatalog): Schemas {
  // Where not all pairs are told, not all schemas are known.
  const isCut = catalog.pairs().length >= catalogLimits.pairs;
  const byAgent = new Map<string, Pair[]>();
  for (const pair of catalog.pairs()) {
    const known = byAgent.get(pair.agent);
    if (known === undefined) byAgent.set(pair.agent, [pair]);
    else known.push(pair);
  }
  const remembered = new Map<string, readonly ContextTyping[] | null>();
  const near = new Map<string, string | null>();
  const pairsIn = (scope: Scope): Pair[] => {
    const agents = scope.agent.endsWith('*') ? [...byAgent.keys()] : [scope.agent];
    return agents.flatMap((name) => (byAgent.get(name) ?? []).filter((pair) => isInScope(pair, scope)));
  };
  const typingsIn = (scope: Scope): readonly ContextTyping[] | null => {
    const key = `${scope.agent} ${scope.action}`;
    let typings = remembered.get(key);
    if (typings === undefined) {
      typings = isCut ? null : distinctTypings(catalog, pairsIn(scope));
      remembered.set(key, typings);
    }
    return typings;
  };
  return {
    pairsIn,
    typingsIn,
    nearestField: (scope, field) => {
      const key = `${scope.agent} ${scope.action} ${field}`;
      const known = near.get(key);
      if (known !== undefined) return known;
      const names = new Set((typingsIn(scope) ?? []).flatMap(({ fields }) => Object.keys(fields)));
      const found = near.size < maxLookups && names.size <= maxNames ? nearest(field, names) : null;
      near.set(key, found);
      return found;
    },
  };
}

function distinctTypings(catalog: CompiledCatalog, pairs: readonly Pair[]): readonly ContextTyping[] | null {
  const typings = new Set<ContextTyping>();
  for (const { agent, action } of pairs) {
    const typing = catalog.typing(agent, action);
    if (typing === undefined) return null;
    typings.add(typing);
  }
  return typings.size === 0 ? null : [...typings];
}

/** Whether the server sets the field, or what it lies in: no schema speaks of it. */
export function isSetByServer(field: string): boolean {
  return isFact(field.split('.', 1)[0] as string);
}

export function isNamed({ fields }: ContextTyping, field: string): boolean {
  return Object.hasOwn(fields, field);
}

/** Whether no context that the schema lets through has the field. */
export function isExcluded(typing: ContextTyping, field: string): boolean {
  return isBelowScalar(field, typing) || domainOf(field, typing).types?.length === 0;
}

/** What a schema lets a field hold, in words. */
export function described({ types, values, minimum, maximum }: FieldDomain): string {
  if (values !== undefined) {
    const shown = values.slice(0, 8).map((value) => `\`${JSON.stringify(value)}\``);
    return `one of ${shown.join(', ')}${values.length > shown.length ? ' and so on' : ''}`;
  }
  const names = (types ?? []).map((type) => (/^[aio]/.test(type) ? `an ${type}` : `a ${type}`));
  const range =
    minimum !== undefined && maximum !== undefined
      ? ` from ${minimum} to ${maximum}`
      : minimum !== undefined
        ? ` of at least ${minimum}`
        : maximum !== undefined
          ? ` of at most ${maximum}`
          : '';
  return names.length === 0 ? 'anything' : `${names.join(' or ')}${range}`;
}
