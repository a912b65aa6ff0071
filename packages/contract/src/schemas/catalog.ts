import Type, { type Static } from 'typebox';
import { ConcreteName, NamePattern, Nullable, Prose, Risk } from './vocabulary.js';

export const CatalogAgentParams = Type.Object({ agent: ConcreteName });
export const CatalogActionParams = Type.Object({ action: ConcreteName });

const ContextSchema = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  description:
    'A JSON Schema (Draft 7 or 2020-12) of the context, facts left out: at most 64 KiB and 16 levels, no remote `$ref`. A field with `x-sensitive: true` is kept out of the record.',
});
const agents = Nullable(
  Type.Array(NamePattern, { minItems: 1, maxItems: 1000, description: 'Who may use it; null: every agent.' }),
);
const cost = Nullable(
  Type.Number({
    minimum: 0,
    maximum: 1e12,
    description: 'USD that an allowed decision reserves when its rule states no cost; null: 0.',
  }),
);

const AgentMode = Type.Enum(['enforce', 'observe'], {
  description: '`observe`: decided and recorded, answered `allow`, so that nothing breaks before the rules are right.',
});

export const CatalogAgent = Type.Object(
  { agent: ConcreteName, description: Type.String(), mode: AgentMode },
  { $id: 'CatalogAgent' },
);
export type CatalogAgentDocument = Static<typeof CatalogAgent>;

export const CatalogAction = Type.Object(
  {
    action: ConcreteName,
    agents,
    context_schema: Nullable(ContextSchema),
    risk: Nullable(Risk),
    cost,
    description: Type.String(),
    annotations: Type.Record(Type.String(), Type.Unknown(), {
      description: "Hints of the tool's maker, such as `readOnlyHint`: shown, never trusted.",
    }),
  },
  { $id: 'CatalogAction' },
);
export type CatalogActionDocument = Static<typeof CatalogAction>;

export const Catalog = Type.Object(
  {
    revision: Type.Integer({ description: 'Grows with every change; 0: the catalog a workspace begins with.' }),
    agents: Type.Array(CatalogAgent, { description: 'By name.' }),
    actions: Type.Array(CatalogAction, { description: 'By name.' }),
    coverage: Type.Object(
      {
        actions: Type.Integer(),
        covered: Type.Integer({
          description: 'Actions that some enabled rule decides for an agent that may use them.',
        }),
        covered_rate: Type.Number({ description: '`covered / actions`, 0 without actions.' }),
        uncovered: Type.Array(ConcreteName, { description: 'The others, by name.' }),
      },
      { description: 'By the bundle in force.' },
    ),
  },
  { $id: 'Catalog' },
);
export type CatalogDocument = Static<typeof Catalog>;

export const PutCatalogAgent = Type.Object(
  { description: Type.Optional(Prose(2000)), mode: Type.Optional(AgentMode) },
  { additionalProperties: false },
);

/** What is left out stays; of a new action it is null or empty. */
export const PutCatalogAction = Type.Object(
  {
    agents: Type.Optional(agents),
    context_schema: Type.Optional(Nullable(ContextSchema)),
    risk: Type.Optional(Nullable(Risk)),
    cost: Type.Optional(cost),
    description: Type.Optional(Prose(2000)),
  },
  { additionalProperties: false },
);

export const ImportCatalog = Type.Object(
  {
    format: Type.Enum(['mcp']),
    agent: ConcreteName,
    tools: Type.Unsafe<unknown>({
      description: 'What an MCP server answers to `tools/list`: the array of tools, the result, or the whole response.',
    }),
    prefix: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_:/-]+(\\.[A-Za-z0-9_:/-]+)*$',
        maxLength: 64,
        description: 'a name that goes before each action, such as `github` for `github.create_issue`',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Names of actions, by name. An import that is refused in part keeps the rest. */
export const CatalogImport = Type.Object(
  {
    revision: Type.Integer(),
    agent_created: Type.Boolean(),
    imported: Type.Array(ConcreteName),
    updated: Type.Array(ConcreteName),
    unchanged: Type.Array(ConcreteName),
    refused: Type.Array(
      Type.Object({
        name: Nullable(Type.String({ description: 'Of the tool; null: it has none that can be read.' })),
        reason: Type.String(),
      }),
    ),
  },
  { $id: 'CatalogImport' },
);
export type CatalogImport = Static<typeof CatalogImport>;
