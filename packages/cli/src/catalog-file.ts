import {
  actionsFromMcp,
  type Catalog,
  type CatalogAction,
  type CompiledCatalog,
  catalogLimits,
  compileCatalog,
  type Diagnostic,
  defaultCatalog,
  hint,
  type Path,
  type RefusedTool,
  type Risk,
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
  const read = catalogIn(document);
  const compiled = Array.isArray(read) ? read : compileCatalog(read);
  if (Array.isArray(compiled)) throw invalidCatalog(file, located(compiled, document), terminal);
  return { name: file.name, compiledFor: () => compiled };
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

const agentKeys = ['agent', 'description'];
const actionKeys = ['action', 'agents', 'context_schema', 'risk', 'cost', 'description', 'annotations'];
/** What a server says of its catalog besides. */
const passedOver = ['revision', 'coverage'];
const risks: readonly Risk[] = ['low', 'medium', 'high', 'critical'];

/** The catalog of a document, with what is left out filled in, or everything that is wrong with its form. */
function catalogIn({ value }: SourceDocument): Catalog | Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (message: string, path: Path) => {
    found.push({ code: 'invalid-catalog', message, rule_id: null, path });
  };
  if (!isRecord(value)) {
    report('a catalog is an object with `agents` and `actions`, or the tools of an MCP server', []);
    return found;
  }
  checkKeys(value, ['agents', 'actions', ...passedOver], [], report);
  const agents = listIn(value, 'agents', report).map((entry, index) => {
    const agent = typeof entry === 'string' ? { agent: entry } : entry;
    if (!isRecord(agent) || typeof agent.agent !== 'string') {
      report('an agent is its name, or `{agent, description}`', ['agents', index]);
      return { agent: '', description: '' };
    }
    checkKeys(agent, agentKeys, ['agents', index], report);
    return { agent: agent.agent, description: typeof agent.description === 'string' ? agent.description : '' };
  });
  const actions = listIn(value, 'actions', report).map((entry, index) => actionIn(entry, ['actions', index], report));
  return found.length > 0 ? found : { agents, actions };
}

type Report = (message: string, path: Path) => void;

function actionIn(entry: unknown, path: Path, report: Report): CatalogAction {
  const given = typeof entry === 'string' ? { action: entry } : entry;
  const nothing: CatalogAction = {
    action: '',
    agents: null,
    context_schema: null,
    risk: null,
    cost: null,
    description: '',
    annotations: {},
  };
  if (!isRecord(given) || typeof given.action !== 'string') {
    report('an action is its name, or `{action, agents?, context_schema?, risk?, cost?, description?}`', path);
    return nothing;
  }
  checkKeys(given, actionKeys, path, report);
  const { agents = null, context_schema: schema = null, risk = null, cost = null, description, annotations } = given;
  const wrong = (key: string, message: string) => report(`\`${key}\` ${message}`, [...path, key]);
  if (agents !== null && !isTextList(agents)) wrong('agents', 'is a list of names or patterns, or null for all agents');
  if (schema !== null && !isRecord(schema)) wrong('context_schema', 'is a JSON Schema, an object');
  if (risk !== null && !isRisk(risk)) wrong('risk', `is one of ${risks.map((each) => `\`${each}\``).join(', ')}`);
  if (cost !== null && !isCost(cost)) wrong('cost', 'is a number of USD, 0 or more');
  return {
    action: given.action,
    agents: isTextList(agents) ? agents : null,
    context_schema: isRecord(schema) ? schema : null,
    risk: isRisk(risk) ? risk : null,
    cost: isCost(cost) ? cost : null,
    description: typeof description === 'string' ? description : '',
    annotations: isRecord(annotations) ? annotations : {},
  };
}

function checkKeys(value: object, known: readonly string[], path: Path, report: Report): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    report(`unknown key \`${key}\`${hint(key, known) || ': remove it'}`, [...path, key]);
  }
}

function listIn(value: Record<string, unknown>, key: 'agents' | 'actions', report: Report): unknown[] {
  const list = value[key];
  if (Array.isArray(list)) return list;
  if (list === undefined) report(`the catalog has no \`${key}\`: add the list`, []);
  else report(`\`${key}\` must be a list`, [key]);
  return [];
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isRisk(value: unknown): value is Risk {
  return risks.includes(value as Risk);
}

function isCost(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
