import { type Diagnostic, hint, type Path, quoted } from '../diagnostic.js';
import { clockFacts, isTimeZone } from '../facts.js';
import type { Effect } from '../generated/rule.js';
import { limits } from '../limits.js';
import { longerThan } from '../parse-condition.js';
import { limitError, type Position, type SourceDocument, sourceError } from '../source.js';
import { readJson } from '../source-json.js';
import { readYaml } from '../source-yaml.js';
import { caseLimits, type SimulationCase } from './case.js';
import { isMembers, type Members, type Report } from './expectation.js';
import { createCaseReader } from './read-case.js';

/** Tests of a policy, as a `*.policytest.yaml` holds them. */
export interface PolicySuite {
  readonly description: string | null;
  /** Paths of the bundle's files, as written; the rules of all of them are the policy. At least one. */
  readonly rules: readonly string[];
  /** Path of the named lists; null: there are none. */
  readonly lists: string | null;
  readonly catalog: string | null;
  readonly default_effect: Effect;
  /** What the facts of the clock are made in, from `now`. */
  readonly time_zone: string;
  /** Each expects something. */
  readonly cases: readonly SimulationCase[];
  /** Where the value at a path of the document (`['cases', 3]`) begins, or the nearest around it. */
  locate(path: Path): Position | null;
}

const suiteKeys = ['description', 'rules', 'lists', 'catalog', 'default_effect', 'time_zone', 'cases'];
const effects: readonly Effect[] = ['allow', 'deny', 'needs_approval'];

/**
 * Reads a suite: `{rules: path | [paths], lists?, catalog?, default_effect?, time_zone?, description?, cases: [{case_id | name,
 * agent, action, context?, facts?, expect}]}` where `expect` is an effect or `{effect?, rule?, reason?}`. A fact `now`
 * brings the clock's other facts along. Unknown keys are errors, and so is a case without an expectation: it could not
 * fail. Otherwise everything that is wrong, with line and column. Never throws.
 */
export function parseSuite(text: string, format: 'json' | 'yaml'): PolicySuite | Diagnostic[] {
  const bytes = format === 'json' ? limits.sourceBytes : limits.yamlBytes;
  if (longerThan(text, bytes)) return [limitError(`a suite has at most ${bytes / 1024 / 1024} MiB: split it`, null)];
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const document = format === 'json' ? readJson(plain) : readYaml(plain);
  return Array.isArray(document) ? document : suiteOf(document);
}

function suiteOf(document: SourceDocument): PolicySuite | Diagnostic[] {
  const { value } = document;
  if (!isMembers(value)) {
    return [sourceError('a suite is an object with `rules` and `cases`', document.locate([]))];
  }
  const found: Diagnostic[] = [];
  const report = (message: string, path: Path) => {
    if (found.length < limits.diagnostics) found.push(sourceError(message, document.locate(path), path));
  };
  for (const key of Object.keys(value)) {
    if (!suiteKeys.includes(key)) report(`unknown key ${quoted(key)}${hint(key, suiteKeys) || ': remove it'}`, [key]);
  }
  const rules = pathsOf(value, report);
  const description = textOf(value, 'description', report);
  const lists = textOf(value, 'lists', report);
  const catalog = textOf(value, 'catalog', report);
  const defaultEffect = effectOf(value, report);
  const timeZone = timeZoneOf(value, report);
  const cases = casesOf(value, timeZone, report);
  if (found.length > 0) return found;
  return {
    description,
    rules,
    lists,
    catalog,
    default_effect: defaultEffect,
    time_zone: timeZone,
    cases,
    locate: (path) => document.locate(path),
  };
}

function pathsOf({ rules }: Members, report: Report): string[] {
  if (rules === undefined) report('the suite has no `rules`: name the file of the bundle', []);
  const paths = Array.isArray(rules) ? rules : rules === undefined ? [] : [rules];
  if (Array.isArray(rules) && rules.length === 0) report('`rules` names no file: name that of the bundle', ['rules']);
  if (paths.every((path) => typeof path === 'string' && path !== '')) return paths as string[];
  report('`rules` is the path of a bundle, from this file on, or a list of such paths', ['rules']);
  return [];
}

function textOf(suite: Members, key: 'description' | 'lists' | 'catalog', report: Report): string | null {
  const text = suite[key];
  if (text === undefined || text === null) return null;
  if (typeof text === 'string' && text !== '') return text;
  report(
    key === 'description' ? '`description` must be a text' : `\`${key}\` is the path of a file, from this one on`,
    [key],
  );
  return null;
}

function effectOf({ default_effect: effect = 'deny' }: Members, report: Report): Effect {
  if (effects.includes(effect as Effect)) return effect as Effect;
  const meant = typeof effect === 'string' ? hint(effect, effects) : '';
  report(`\`default_effect\` must be one of ${effects.map((each) => `\`${each}\``).join(', ')}${meant}`, [
    'default_effect',
  ]);
  return 'deny';
}

function timeZoneOf({ time_zone: zone = 'UTC' }: Members, report: Report): string {
  if (typeof zone === 'string' && isTimeZone(zone)) return zone;
  report('`time_zone` must be the name of a time zone, such as `Europe/Berlin`', ['time_zone']);
  return 'UTC';
}

function casesOf(suite: Members, timeZone: string, report: Report): SimulationCase[] {
  const { cases } = suite;
  if (!Array.isArray(cases)) {
    if (Object.hasOwn(suite, 'cases')) report('`cases` must be a list', ['cases']);
    else report('the suite has no `cases`: add the list', []);
    return [];
  }
  if (cases.length === 0) report('the suite has no cases: it could not fail', ['cases']);
  if (cases.length > caseLimits.cases) {
    report(`a suite has at most ${caseLimits.cases} cases and this one has ${cases.length}: split it`, ['cases']);
    return [];
  }
  const withClock = (given: Members): Members => {
    const { now } = given;
    const nowMs = typeof now === 'string' ? Date.parse(now) : Number.NaN;
    return Number.isNaN(nowMs) ? given : { ...clockFacts(nowMs, timeZone), ...given };
  };
  const reader = createCaseReader((message, path) => report(message, ['cases', ...path]), {
    mustExpect: true,
    withClock,
  });
  return cases.flatMap((value, i) => reader.read(value, i) ?? []);
}
