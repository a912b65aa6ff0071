import type { Risk } from '../generated/rule.js';

/** A JSON Schema as written; `parseContextSchema` checks and reads it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface CatalogAgent {
  readonly agent: string;
  readonly description: string;
  /** `observe`: decided and recorded, answered `allow`. Default: `enforce`. */
  readonly mode?: 'enforce' | 'observe';
}

export interface CatalogAction {
  readonly action: string;
  /** Names or patterns (`inbox.*`) of the agents that may use it; null: all. */
  readonly agents: readonly string[] | null;
  /** What the context of a request for it looks like, facts left out; null: anything. */
  readonly context_schema: JsonSchema | null;
  readonly risk: Risk | null;
  /** USD reserved for an allowed decision whose rule states no cost; null: 0. */
  readonly cost: number | null;
  readonly description: string;
  /** Hints of the tool's maker, such as `readOnlyHint`: shown, never trusted. */
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** The agents and actions a workspace knows. Names are unique. */
export interface Catalog {
  readonly agents: readonly CatalogAgent[];
  readonly actions: readonly CatalogAction[];
}
