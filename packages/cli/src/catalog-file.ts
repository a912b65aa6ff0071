import {
  actionsFromMcp,
  type CompiledCatalog,
  catalogLimits,
  compileCatalog,
  type Diagnostic,
  defaultCatalog,
  parseCatalog,
  type RefusedTool,
  readJson,
  readYaml,
  type SourceDocument,
} from '@policy-studio/engine';
import { CommandFailure, exitCodes } from './exit-code.js';
import { findingsText } from './findings-text.js';
import { readText, type TextFile } from './input.js';
import { plural, printable, type Terminal } from './output.js';

/** What the rules may name, for one file of rules at a time. */
export interface CatalogSource {
  /** Named in what is printed. */
  readonly name: string;
  /** The catalog for these rules. They matter only where the file says nothing of agents: an MCP server's tools. */
  compiledFor(rules: readonly unknown[]): CompiledCatalog;
}

/**
 * The catalog of a file: `{agents, actions}` as `catalog show --json` prints it, or an MCP server's answer to `tools/list`.
 * `default`: the catalog that a new workspace begins with. Throws a CommandFailure with every place that is wrong.
 */
export async function readCatalog(path: string, terminal: Terminal): Promise<CatalogSource> {
  if (path === 'default') {
    const compiled = compileCatalog(defaultCatalog);
    if (Array.isArray(compiled)) throw new Error('the default catalog is not valid');
    return { name: 'the default catalog', compiledFor: () => compiled };
  }
  const file = await readText(path, terminal);
  const document = file.format === 'json' ? readJson(file.text) : readYaml(file.text);
  if (Array.isArray(document)) throw invalidCatalog(file, document, terminal);
  if (isToolList(document.value)) return toolCatalog(file, document, terminal);
  const read = parseCatalog(document.value);
  const compiled = Array.isArray(read) ? read : compileCatalog(read);
  if (Array.isArray(compiled)) throw invalidCatalog(file, located(compiled, document), terminal);
  return { name: file.name, compiledFor: () => compiled };
}

/** The catalog for these bundles together; null where no file is named. */
export async function readCatalogFor(
  bundles: readonly { readonly rules: readonly unknown[] }[],
  path: string | null | undefined,
  terminal: Terminal,
): Promise<CompiledCatalog | null> {
  if (path == null) return null;
  const catalog = await readCatalog(path, terminal);
  return catalog.compiledFor(bundles.flatMap(({ rules }) => rules));
}

function invalidCatalog(file: TextFile, diagnostics: readonly Diagnostic[], terminal: Terminal): CommandFailure {
  return new CommandFailure(findingsText(file, diagnostics, terminal.err.style), exitCodes.findings);
}

function located(diagnostics: readonly Diagnostic[], document: SourceDocument): Diagnostic[] {
  return diagnostics.map((diagnostic) => ({ ...(document.locate(diagnostic.path) ?? {}), ...diagnostic }));
}

function isToolList(value: unknown): boolean {
  return Array.isArray(value) || (isRecord(value) && ('tools' in value || 'result' in value));
}

const anyAgent = 'agent';

/** Tools are for any agent here: the list does not say whose they are. What is refused is told, and left out. */
function toolCatalog(file: TextFile, document: SourceDocument, terminal: Terminal): CatalogSource {
  const { actions, refused } = actionsFromMcp(document.value, { agent: anyAgent });
  if (refused.length > 0) terminal.err.write(refusedText(file.name, refused));
  return {
    name: file.name,
    compiledFor: (rules) => {
      const named = [...new Set(rules.flatMap(agentOf))].slice(0, catalogLimits.agents);
      const agents = (named.length === 0 ? [anyAgent] : named).map((agent) => ({ agent, description: '' }));
      const compiled = compileCatalog({ agents, actions: actions.map((action) => ({ ...action, agents: null })) });
      if (Array.isArray(compiled)) throw invalidCatalog(file, compiled, terminal);
      return { ...compiled, knowsAgent: () => true };
    },
  };
}

const concreteName = /^[A-Za-z0-9_:/-]{1,64}(\.[A-Za-z0-9_:/-]{1,64})*$/;

/** The name of the agent that a rule is about; none for a pattern, and for what is no rule. */
function agentOf(rule: unknown): string[] {
  const agent = isRecord(rule) ? rule.agent : undefined;
  return typeof agent === 'string' && agent.length <= 128 && concreteName.test(agent) ? [agent] : [];
}

const refusedShown = 5;

function refusedText(name: string, refused: readonly RefusedTool[]): string {
  const lines = refused
    .slice(0, refusedShown)
    .map(({ name: tool, reason }) => `  ${printable(tool ?? '(no name)')}: ${printable(reason)}\n`);
  return `${printable(name)}: ${plural(refused.length, 'tool')} left out\n${lines.join('')}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
