import type { Operator } from './condition.js';
import { type Diagnostic, type Path, quoted } from './diagnostic.js';
import { hostName } from './host.js';
import { limits } from './limits.js';
import { type Lists, type NamedList, normalized } from './list.js';
import { parseKey } from './parse-key.js';
import type { ParsedRule } from './rule.js';

interface ListReference {
  readonly name: string;
  readonly operator: Operator;
  readonly path: Path;
}

/** The list that a name which is none may have been meant to be. */
export type NearestList = (name: string) => string | null;

/** What is wrong with the lists that valid rules name, in the order written, each at the entry that names it. */
export function listProblems(rules: readonly ParsedRule[], lists: Lists, nearestList: NearestList): Diagnostic[] {
  const found: Diagnostic[] = [];
  const domainProblems = new Map<string, string | null>();
  rules.forEach(({ rule }, index) => {
    for (const { name, operator, path } of listReferences(rule.conditions, [index, 'conditions'])) {
      if (found.length >= limits.diagnostics) return;
      const report = (message: string, code: Diagnostic['code'] = 'invalid-condition') =>
        found.push({ code, message, rule_id: rule.id, path });
      const list = Object.hasOwn(lists, name) ? lists[name] : undefined;
      if (list === undefined) {
        const meant = nearestList(name);
        report(
          `there is no list ${quoted(name)}${meant === null ? ': create it first' : `, did you mean \`${meant}\`?`}`,
        );
      } else if (list.values.length > limits.listValues) {
        report(`the list ${quoted(name)} has more than ${limits.listValues} values`, 'limit-exceeded');
      } else if (operator === 'domain_in') {
        // Known also when it is fine (null): a list may be long and named by every rule.
        if (!domainProblems.has(name)) domainProblems.set(name, domainProblem(name, list));
        const problem = domainProblems.get(name);
        if (problem) report(problem);
      }
    }
  });
  return found;
}

/** Each entry of a valid condition object, as written, whose value is a named list. */
function* listReferences(conditions: Readonly<Record<string, unknown>>, path: Path): Generator<ListReference> {
  for (const key of Object.keys(conditions)) {
    const value = conditions[key];
    // Only an array or an object can be or hold one, and most values are neither.
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      // In a valid condition objects stand in the arrays of combinators alone.
      if (typeof value[0] !== 'object' || value[0] === null) continue;
      for (const [i, child] of value.entries()) yield* listReferences(child, [...path, key, i]);
      continue;
    }
    const parsed = parseKey(key);
    if (parsed.kind === 'combinator') {
      yield* listReferences(value as Record<string, unknown>, [...path, key]);
    } else if (parsed.kind === 'test' && Object.hasOwn(value, 'list')) {
      yield { name: (value as { list: string }).list, operator: parsed.operator, path: [...path, key] };
    }
  }
}

function domainProblem(name: string, list: NamedList): string | null {
  for (const value of list.values) {
    if (typeof value === 'string' && hostName(normalized(value, list.normalize)) !== null) continue;
    return `\`domain_in\` needs domain names, and the list ${quoted(name)} holds ${quoted(String(value))}`;
  }
  return null;
}
