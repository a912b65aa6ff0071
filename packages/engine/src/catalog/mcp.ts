import { canonicalJson } from '../canonical.js';
import { type Diagnostic, quoted } from '../diagnostic.js';
import type { CatalogAction, JsonSchema } from './catalog.js';
import { jsonProblem } from './document-size.js';
import { isConcreteName, maxNameLength } from './name-pattern.js';
import { readSchema } from './read-schema.js';
import { parseContextSchema, schemaLimits } from './schema.js';

export interface McpImport {
  /** The agent that uses the server: the actions are for it alone. */
  readonly agent: string;
  /** Goes before each name, with a dot between: `github` makes `github.create_issue`. */
  readonly prefix?: string;
}

/** A tool that did not become an action. */
export interface RefusedTool {
  /** Null when it has none that can be read. */
  readonly name: string | null;
  readonly reason: string;
}

export const mcpLimits = {
  /** tools of one import */
  tools: 5_000,
  /** UTF-16 units of a description that are kept */
  descriptionChars: 2_000,
  /** bytes of one tool's annotations; larger ones are left out */
  annotationBytes: 2_048,
} as const;

/**
 * The tools of an MCP server as actions, by the order given, and those refused, each with its reason. `tools` is the
 * array, the result of `tools/list`, or its whole response. A tool's `inputSchema` becomes what the context's `args` must
 * be; `args` is required when the schema requires something. Annotations are kept as the server claims them. The same
 * tool twice is one; two different ones of a name are both refused, since nobody can tell which is meant. Never throws.
 */
export function actionsFromMcp(
  tools: unknown,
  { agent, prefix }: McpImport,
): { actions: CatalogAction[]; refused: RefusedTool[] } {
  const list = toolsIn(tools);
  if (list === null) {
    return {
      actions: [],
      refused: [{ name: null, reason: 'these are no tools: give what the server answers to `tools/list`' }],
    };
  }
  const refused: RefusedTool[] = list
    .slice(mcpLimits.tools)
    .map((tool) => ({ name: nameOf(tool), reason: `one import takes at most ${mcpLimits.tools} tools` }));
  const actions = new Map<string, CatalogAction | null>();
  for (const tool of list.slice(0, mcpLimits.tools)) {
    const action = actionOf(tool, agent, prefix);
    if (typeof action === 'string') {
      refused.push({ name: nameOf(tool), reason: action });
      continue;
    }
    const { action: name } = action;
    const known = actions.get(name);
    if (known === undefined) actions.set(name, action);
    else if (known === null || !isSame(known, action)) {
      actions.set(name, null);
      refused.push({ name: nameOf(tool), reason: 'the server lists two different tools of this name' });
    }
  }
  const kept = [...actions.values()].filter((action) => action !== null);
  return { actions: kept, refused };
}

function toolsIn(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value;
  if (!isObject(value)) return null;
  if (Array.isArray(value.tools)) return value.tools;
  return isObject(value.result) && Array.isArray(value.result.tools) ? value.result.tools : null;
}

function nameOf(tool: unknown): string | null {
  return isObject(tool) && typeof tool.name === 'string' ? tool.name.slice(0, maxNameLength) : null;
}

function actionOf(tool: unknown, agent: string, prefix: string | undefined): CatalogAction | string {
  if (!isObject(tool)) return 'a tool must be an object';
  if (typeof tool.name !== 'string') return 'the tool has no name';
  const name = prefix === undefined ? tool.name : `${prefix}.${tool.name}`;
  if (!isConcreteName(name)) {
    return `${quoted(name)} is no name of an action: names are at most ${maxNameLength} letters, digits, \`_\`, \`-\`, \`/\`, \`:\` and dots between them`;
  }
  if (!isObject(tool.inputSchema)) return 'the tool has no `inputSchema`, which MCP asks for';
  const schema = underArgs(tool.inputSchema);
  if (Array.isArray(schema)) return unusable(schema);
  const parsed = parseContextSchema(schema);
  if (Array.isArray(parsed)) return unusable(parsed);
  return {
    action: name,
    agents: [agent],
    context_schema: schema,
    risk: null,
    cost: null,
    description: typeof tool.description === 'string' ? tool.description.slice(0, mcpLimits.descriptionChars) : '',
    annotations: annotationsOf(tool.annotations),
  };
}

function unusable([first]: readonly Diagnostic[]): string {
  const place = (first?.path ?? []).join('/');
  return `its schema cannot be used: ${first?.message ?? ''}${place === '' ? '' : ` (at ${quoted(place)})`}`;
}

/** The schema of a context that holds the arguments under `args`; what pointed into the schema points there still. */
function underArgs(inputSchema: JsonSchema): JsonSchema | Diagnostic[] {
  const unreadable = jsonProblem(inputSchema, schemaLimits.bytes, schemaLimits.jsonDepth, 'schema');
  if (unreadable !== null) return [unreadable];
  const read = readSchema(inputSchema, { instructions: schemaLimits.instructions });
  if (Array.isArray(read)) return read;
  const schemas = new Set<unknown>(read.nodes.map(({ written }) => written));
  const { required, minProperties } = inputSchema;
  const asks =
    (Array.isArray(required) && required.length > 0) || (typeof minProperties === 'number' && minProperties > 0);
  return {
    type: 'object',
    properties: { args: rerooted(inputSchema, schemas) },
    ...(asks ? { required: ['args'] } : {}),
  };
}

/** Changes `$ref` where it is a keyword: in a schema, not in a value that looks like one. */
function rerooted(value: unknown, schemas: ReadonlySet<unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => rerooted(each, schemas));
  const isSchema = schemas.has(value);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (isSchema && key === '$ref') return [key, `#/properties/args${String(member).slice(1)}`];
      return [key, rerooted(member, schemas)];
    }),
  );
}

function annotationsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(value) || jsonProblem(value, mcpLimits.annotationBytes, 8, 'catalog') !== null) return {};
  return value;
}

function isSame(a: CatalogAction, b: CatalogAction): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
