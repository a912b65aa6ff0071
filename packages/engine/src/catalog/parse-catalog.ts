import { type Diagnostic, hint, type Path, quoted } from '../diagnostic.js';
import type { Risk } from '../generated/rule.js';
import { limits } from '../limits.js';
import type { Catalog, CatalogAction, CatalogAgent, JsonSchema } from './catalog.js';
import { jsonProblem } from './document-size.js';

const risks: readonly Risk[] = ['low', 'medium', 'high', 'critical'];
/** What the server adds when it shows a catalog; read over, so that its answer is a catalog file. */
const catalogKeys = ['agents', 'actions'];
const shownKeys = ['revision', 'coverage'];
const agentKeys = ['agent', 'description', 'mode'];
const actionKeys = ['action', 'agents', 'context_schema', 'risk', 'cost', 'description', 'annotations'];

type Report = (path: Path, message: string) => void;

/**
 * A catalog from JSON: `{agents: [{agent, description?, mode?}], actions: [{action, agents?, context_schema?, risk?, cost?,
 * description?, annotations?}]}`, what is left out as in `Catalog` (null or empty), or everything that is wrong with it.
 * Unknown keys are findings, so that a mistyped `context_schema` does not let everything through. Names, schemas and
 * limits are checked by `compileCatalog`. Never throws.
 */
export function parseCatalog(value: unknown): Catalog | Diagnostic[] {
  const unreadable = jsonProblem(value, limits.sourceBytes, limits.sourceDepth + 32, 'catalog');
  if (unreadable !== null) return [unreadable];
  const diagnostics: Diagnostic[] = [];
  const report: Report = (path, message) => {
    if (diagnostics.length >= limits.diagnostics) return;
    diagnostics.push({ code: 'invalid-catalog', message, rule_id: null, path });
  };
  if (!isObject(value)) {
    report([], 'a catalog must be an object with `agents` and `actions`');
    return diagnostics;
  }
  onlyKeys(value, [...catalogKeys, ...shownKeys], [], report);
  const catalog = {
    agents: membersOf(value, 'agents', report).map((each, i) => agentFrom(each, ['agents', i], report)),
    actions: membersOf(value, 'actions', report).map((each, i) => actionFrom(each, ['actions', i], report)),
  };
  return diagnostics.length > 0 ? diagnostics : catalog;
}

function membersOf(value: Record<string, unknown>, key: string, report: Report): readonly unknown[] {
  const members = value[key] ?? [];
  if (Array.isArray(members)) return members;
  report([key], `\`${key}\` must be an array`);
  return [];
}

function agentFrom(value: unknown, path: Path, report: Report): CatalogAgent {
  if (!isObject(value)) {
    report(path, 'an agent of the catalog must be an object with `agent`, its name');
    return { agent: '', description: '' };
  }
  onlyKeys(value, agentKeys, path, report);
  const { mode = 'enforce' } = value;
  const named = {
    agent: nameIn(value, 'agent', path, report),
    description: textIn(value, 'description', path, report),
  };
  if (mode === 'observe') return { ...named, mode };
  if (mode !== 'enforce') report([...path, 'mode'], '`mode` must be `enforce` or `observe`');
  return named;
}

function actionFrom(value: unknown, path: Path, report: Report): CatalogAction {
  const input = isObject(value) ? value : {};
  if (!isObject(value)) report(path, 'an action of the catalog must be an object with `action`, its name');
  else onlyKeys(value, actionKeys, path, report);
  const { agents = null, context_schema = null, risk = null, cost = null, annotations = {} } = input;
  const need = (holds: boolean, key: string, message: string) => {
    if (!holds) report([...path, key], `\`${key}\` must be ${message}`);
  };
  const isNames = Array.isArray(agents) && agents.every((name) => typeof name === 'string');
  need(agents === null || isNames, 'agents', 'an array of names and patterns, or null for every agent');
  need(context_schema === null || isObject(context_schema), 'context_schema', 'a JSON Schema, or null for anything');
  need(risk === null || risks.includes(risk as Risk), 'risk', 'one of `low`, `medium`, `high`, `critical`, or null');
  need(cost === null || (typeof cost === 'number' && cost >= 0), 'cost', 'USD of 0 or more, or null');
  need(isObject(annotations), 'annotations', 'an object');
  return {
    action: isObject(value) ? nameIn(value, 'action', path, report) : '',
    agents: agents as readonly string[] | null,
    context_schema: context_schema as JsonSchema | null,
    risk: risk as Risk | null,
    cost: cost as number | null,
    description: textIn(input, 'description', path, report),
    annotations: annotations as Record<string, unknown>,
  };
}

function nameIn(value: Record<string, unknown>, key: string, path: Path, report: Report): string {
  const name = value[key];
  if (typeof name === 'string') return name;
  report([...path, key], name === undefined ? `\`${key}\` is missing: it is the name` : `\`${key}\` must be a string`);
  return '';
}

function textIn(value: Record<string, unknown>, key: string, path: Path, report: Report): string {
  const text = value[key] ?? '';
  if (typeof text === 'string') return text;
  report([...path, key], `\`${key}\` must be a string`);
  return '';
}

function onlyKeys(value: Record<string, unknown>, keys: readonly string[], path: Path, report: Report): void {
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) report([...path, key], `unknown key ${quoted(key)}${hint(key, keys) || ': remove it'}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
