import { type ContextTyping, domainOf, type FieldDomain, isBelowScalar } from '../analysis/domain.js';
import type { Pair } from '../analysis/pairs.js';
import { type CompiledCatalog, catalogLimits } from '../catalog/compiled-catalog.js';
import { nearestIn } from '../catalog/nearest-names.js';
import { nearest } from '../diagnostic.js';
import { isFact } from '../facts.js';
import { lazy } from './lazy.js';
import { nearestLookup } from './nearest-lookup.js';
import { isInScope, type Scope } from './scope.js';

/** What the catalog's schemas say of the fields that rules read. */
export interface Schemas {
  /** Pairs of the catalog that the scope matches, one for each schema. */
  samplesIn(scope: Scope): readonly Pair[];
  /** What these schemas say; null: there is none, or the scope has pairs without. */
  typingsIn(scope: Scope): readonly ContextTyping[] | null;
  /** Whether some schema of the scope gives such a path a meaning: it names the field, or makes an object of what it lies in. */
  readsAs(scope: Scope, field: string): boolean;
  /** The field most like this one that some schema of the scope names. */
  nearestField(scope: Scope, field: string): string | null;
}

/** Fields of one scope that names are looked for. */
const maxLookups = 500;

interface ScopeSchemas {
  readonly samples: readonly Pair[];
  readonly typings: readonly ContextTyping[] | null;
  readonly near: (word: string) => readonly string[];
}

/** Answers depend on the catalog alone; each scope is looked at once. */
export function schemasOf(catalog: CompiledCatalog): Schemas {
  const byAgent = new Map<string, Pair[]>();
  for (const pair of catalog.pairs()) {
    const known = byAgent.get(pair.agent);
    if (known === undefined) byAgent.set(pair.agent, [pair]);
    else known.push(pair);
  }
  const scopes = new Map<string, ScopeSchemas>();
  const lookUp = (scope: Scope): ScopeSchemas => {
    const key = `${scope.agent} ${scope.action}`;
    let schemas = scopes.get(key);
    if (schemas === undefined) {
      const agents = scope.agent.endsWith('*') ? [...byAgent.keys()] : [scope.agent];
      const pairs = agents.flatMap((name) => (byAgent.get(name) ?? []).filter((pair) => isInScope(pair, scope)));
      schemas = scopeSchemas(catalog, pairs);
      scopes.set(key, schemas);
    }
    return schemas;
  };
  return {
    samplesIn: (scope) => lookUp(scope).samples,
    typingsIn: (scope) => lookUp(scope).typings,
    readsAs: (scope, field) => {
      const around = field.slice(0, Math.max(0, field.lastIndexOf('.')));
      return lookUp(scope).samples.some(({ agent, action }) => {
        const typing = catalog.typing(agent, action);
        return typing !== undefined && (isNamed(typing, field) || (around !== '' && isObject(typing, around)));
      });
    },
    nearestField: (scope, field) => {
      const { near } = lookUp(scope);
      // What merely ends alike is another field.
      return nearest(field, near(field));
    },
  };
}

function scopeSchemas(catalog: CompiledCatalog, pairs: readonly Pair[]): ScopeSchemas {
  const samples = new Map<ContextTyping, Pair>();
  // Where not all pairs are told, not all schemas are known.
  let isComplete = pairs.length > 0 && catalog.pairs().length < catalogLimits.pairs;
  for (const pair of pairs) {
    const typing = catalog.typing(pair.agent, pair.action);
    if (typing === undefined) isComplete = false;
    else if (!samples.has(typing)) samples.set(typing, pair);
  }
  const typings = isComplete ? [...samples.keys()] : null;
  const search = lazy(() => nearestIn([...new Set((typings ?? []).flatMap(({ fields }) => Object.keys(fields)))]));
  return { samples: [...samples.values()], typings, near: nearestLookup(maxLookups, (word) => search()(word)) };
}

/** Whether the server sets the field, or what it lies in: no schema speaks of it. */
export function isSetByServer(field: string): boolean {
  const dot = field.indexOf('.');
  return isFact(dot === -1 ? field : field.slice(0, dot));
}

export function isNamed({ fields }: ContextTyping, field: string): boolean {
  return Object.hasOwn(fields, field);
}

/** Whether the schema names the field and says that it holds an object and nothing else. */
function isObject(typing: ContextTyping, field: string): boolean {
  const { types } = domainOf(field, typing);
  return isNamed(typing, field) && types?.length === 1 && types[0] === 'object';
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
