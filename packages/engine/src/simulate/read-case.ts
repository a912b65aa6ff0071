import { isConcreteName } from '../catalog/name-pattern.js';
import { hint, quoted } from '../diagnostic.js';
import { type FactDefinition, facts } from '../facts.js';
import { limits } from '../limits.js';
import { longerThan } from '../parse-condition.js';
import { caseLimits, type SimulationCase } from './case.js';
import { expectationKeys, isMembers, type Members, type Report, readExpectations } from './expectation.js';

/** Checks cases one after the other: ids are unique, `case-1`, `case-2`, ... where they are left out. */
export interface CaseReader {
  /** The case, or null once what is wrong with it has been reported. Paths begin with the index. */
  read(value: unknown, index: number): SimulationCase | null;
}

const requestKeys = ['case_id', 'name', 'agent', 'action', 'context', 'facts'];
/** What recorded requests may hold besides; no rule sees it. */
const passedOver = ['description', 'labels', 'session', 'request_id'];

export interface CaseReading {
  /** A case that expects nothing is an error: as a test it could not fail. */
  readonly mustExpect?: boolean;
  /** Facts that given ones bring along. */
  readonly withClock?: (facts: Members) => Members;
}

export function createCaseReader(report: Report, { mustExpect, withClock }: CaseReading = {}): CaseReader {
  const seen = new Map<string, number>();
  const keys = [...requestKeys, ...expectationKeys];
  return {
    read: (value, index) => {
      let sound = true;
      const fail: Report = (message, path) => {
        sound = false;
        report(message, [index, ...path]);
      };
      if (!isMembers(value)) {
        fail('a case is an object with `agent`, `action` and `context`', []);
        return null;
      }
      for (const key of Object.keys(value)) {
        if (keys.includes(key) || passedOver.includes(key)) continue;
        fail(`unknown key ${quoted(key)}${hint(key, keys) || ': remove it, or keep it under `labels`'}`, [key]);
      }
      const id = idOf(value, index, fail);
      const first = seen.get(id);
      if (first === undefined) seen.set(id, index);
      else
        fail(`the id ${quoted(id)} is taken by case ${first + 1}: give each case its own`, [
          value.case_id === undefined ? 'name' : 'case_id',
        ]);
      const agent = nameOf(value, 'agent', fail);
      const action = nameOf(value, 'action', fail);
      const context = contextOf(value, withClock ?? ((given) => given), fail);
      const expected = readExpectations(value, fail);
      if (mustExpect && sound && Object.keys(expected).length === 0) {
        fail('the case expects nothing: say `expect: deny`, or `expect: {effect, rule, reason}`', []);
      }
      return sound ? { case_id: id, agent, action, context, ...expected } : null;
    },
  };
}

function idOf(value: Members, index: number, report: Report): string {
  const key = value.case_id === undefined && value.name !== undefined ? 'name' : 'case_id';
  if (value.case_id !== undefined && value.name !== undefined)
    report('a case has `case_id` or `name`, not both', ['name']);
  const id = value[key];
  if (id === undefined) return `case-${index + 1}`;
  if (typeof id === 'number' && Number.isSafeInteger(id)) return String(id);
  if (typeof id !== 'string' || id.trim() === '' || id.length > caseLimits.idChars || /\p{Cc}/u.test(id)) {
    report(`\`${key}\` must be a text of one line and at most ${caseLimits.idChars} characters`, [key]);
    return `case-${index + 1}`;
  }
  return id;
}

function nameOf(value: Members, key: 'agent' | 'action', report: Report): string {
  const name = value[key];
  if (name === undefined) {
    report(`the case has no \`${key}\`: add it`, []);
    return '';
  }
  if (typeof name === 'string' && isConcreteName(name)) return name;
  const example = key === 'agent' ? 'inbox.triage' : 'quarantine';
  const wild = typeof name === 'string' && name.includes('*') ? ': a case is about one, so no `*`' : '';
  report(`\`${key}\` must be a name such as \`${example}\`${wild}`, [key]);
  return '';
}

function contextOf(value: Members, withClock: (facts: Members) => Members, report: Report): Members {
  const { context = {}, facts: given } = value;
  if (!isMembers(context)) {
    report('`context` must be an object', ['context']);
    return {};
  }
  const problem = jsonProblem(context, 0);
  if (problem !== null) report(problem, ['context']);
  else if (longerThan(JSON.stringify(context), limits.contextBytes)) {
    report(`a context has at most ${limits.contextBytes} bytes of JSON: keep what rules read`, ['context']);
  }
  if (given === undefined) return context;
  if (!isMembers(given)) {
    report('`facts` must be an object', ['facts']);
    return context;
  }
  for (const [name, fact] of Object.entries(given)) {
    const wrong = factProblem(name, fact);
    if (wrong !== null) report(wrong, ['facts', name]);
  }
  // Spreading defines properties, so a field called `__proto__` stays one.
  return { ...context, ...withClock(given) };
}

const factsByName: ReadonlyMap<string, FactDefinition> = new Map(facts.map((fact) => [fact.name, fact]));

function factProblem(name: string, value: unknown): string | null {
  const fact = factsByName.get(name);
  if (fact === undefined) {
    return `there is no fact ${quoted(name)}${hint(name, factsByName.keys()) || ': what a caller sends belongs in `context`'}`;
  }
  const { type, domain } = fact;
  if (value === null) return null;
  const wanted = type === 'integer' ? 'number' : type;
  const { minimum = -Infinity, maximum = Infinity } = domain;
  const fits =
    typeof value === wanted &&
    (typeof value !== 'number' || (value >= minimum && value <= maximum && value < Infinity)) &&
    (type !== 'integer' || Number.isInteger(value)) &&
    (domain.values === undefined || domain.values.includes(value as string)) &&
    (name !== 'now' || isInstant(value as string));
  return fits ? null : `the fact \`${name}\` must be ${factForm(fact)}`;
}

/** In the one form that the server writes. */
function isInstant(text: string): boolean {
  const ms = Date.parse(text);
  return text.length === 24 && !Number.isNaN(ms) && new Date(ms).toISOString() === text;
}

function factForm({ name, type, domain }: FactDefinition): string {
  if (name === 'now') return 'a time such as `2026-03-01T09:30:00.000Z`, in UTC with milliseconds';
  if (domain.values !== undefined) return `one of ${domain.values.map((value) => `\`${value}\``).join(', ')}`;
  const article = type === 'integer' ? 'an integer' : `a ${type}`;
  if (domain.maximum !== undefined) return `${article} from ${domain.minimum} to ${domain.maximum}`;
  return domain.minimum === undefined ? article : `${article}, at least ${domain.minimum}`;
}

function jsonProblem(value: unknown, depth: number): string | null {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return null;
  if (typeof value === 'number') {
    return Number.isFinite(value) ? null : 'a number must be finite: write one that a double can hold';
  }
  if (typeof value !== 'object') return `a ${typeof value} has no JSON form`;
  if (depth >= limits.contextDepth) return `a context nests at most ${limits.contextDepth} levels deep: flatten it`;
  for (const member of Object.values(value)) {
    const problem = jsonProblem(member, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}
