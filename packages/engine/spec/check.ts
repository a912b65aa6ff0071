/**
 * Which rules are refused, and where: docs/language.md, sections "Rule", "Keys" and "Values".
 * Part of the slow, obvious implementation: shares nothing with `../src`.
 */
import { canonical, type Dict, hostOfName, isDict, readEntry, type Test } from './condition.js';
import { type Bundle, normalized } from './decide.js';

export interface Finding {
  readonly code: 'invalid-rule' | 'duplicate-id' | 'invalid-condition' | 'limit-exceeded';
  readonly path: readonly (string | number)[];
}

type Lists = NonNullable<Bundle['lists']>;

/** Everything that keeps a bundle from being compiled, rule by rule; empty when it is fine. Lists are looked up last. */
export function check({ rules, lists = {} }: Bundle): Finding[] {
  if (rules.length > 10_000) return [{ code: 'limit-exceeded', path: [] }];
  const findings = checkRules(rules, null);
  return findings.length > 0 ? findings : checkRules(rules, lists);
}

/** `lists` is null while nobody looks at them. */
function checkRules(rules: Bundle['rules'], lists: Lists | null): Finding[] {
  const seen = new Set<unknown>();
  return rules.flatMap((rule, i): Finding[] => {
    if (!isDict(rule)) return [{ code: 'invalid-rule', path: [i] }];
    const findings = wrongFields(rule).map((path): Finding => ({ code: 'invalid-rule', path: [i, ...path] }));
    if (seen.has(rule.id)) findings.push({ code: 'duplicate-id', path: [i, 'id'] });
    seen.add(rule.id);
    if (isDict(rule.conditions)) findings.push(...checkConditions(rule.conditions, [i, 'conditions'], lists));
    return findings;
  });
}

const pattern = /^(\*|[A-Za-z0-9_:/-]+(\.[A-Za-z0-9_:/-]+)*(\.\*)?)$/;
const isAmount = (value: unknown) => Number.isFinite(value) && Number(value) >= 0;
const isWhole = (value: unknown, min: number, max: number) =>
  Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
const isName = (value: unknown) => typeof value === 'string' && value.length <= 128 && pattern.test(value);
const isText = (value: unknown, max: number) => typeof value === 'string' && [...value].length <= max;

const budgetFields: Record<string, (value: unknown) => boolean> = {
  cost: isAmount,
  compute: isAmount,
  risk: (value) => ['low', 'medium', 'high', 'critical'].includes(value as string),
};

const ruleFields: Record<string, (value: unknown) => boolean> = {
  id: (value) => typeof value === 'string' && /^[a-z0-9][a-z0-9_-]{2,63}$/.test(value),
  agent: isName,
  action: isName,
  effect: (value) => ['allow', 'deny', 'needs_approval'].includes(value as string),
  conditions: isDict,
  reason: (value) => isText(value, 256),
  priority: (value) => isWhole(value, 0, 1000),
  budget: (value) => isDict(value) && Object.keys(value).every((name) => isFine(budgetFields, name, value[name])),
  enabled: (value) => typeof value === 'boolean',
  tags: (value) => Array.isArray(value) && value.length <= 32 && value.every((tag) => isText(tag, 64)),
  metadata: (value) => isDict(value) && (!Object.hasOwn(value, 'min_approvers') || isWhole(value.min_approvers, 1, 10)),
};

function isFine(fields: Record<string, (value: unknown) => boolean>, name: string, value: unknown): boolean {
  return Object.hasOwn(fields, name) && fields[name]?.(value) === true;
}

/** A path for each field that is absent (the rule's own) or wrong (the field's). */
function wrongFields(rule: Dict): string[][] {
  const absent = ['id', 'agent', 'action', 'effect'].filter((name) => !Object.hasOwn(rule, name));
  const wrong = Object.keys(rule).filter((name) => !isFine(ruleFields, name, rule[name]));
  return [...absent.map(() => []), ...wrong.map((name) => [name])];
}

type Path = readonly (string | number)[];

function checkConditions(conditions: Dict, path: Path, lists: Lists | null): Finding[] {
  const findings = checkSpelling(conditions, path, lists);
  if (findings.length > 0) return findings;
  // The limits hold for the canonical spelling too, whose paths nobody has written.
  return checkSpelling(canonical(conditions), path, lists).map(({ code }) => ({ code, path }));
}

function checkSpelling(root: Dict, path: Path, lists: Lists | null): Finding[] {
  const findings: Finding[] = [];
  let tests = 0;
  let objects = 0;
  const visit = (conditions: Dict, level: number, at: Path) => {
    objects++;
    if (level > 8) {
      findings.push({ code: 'limit-exceeded', path: at });
      return;
    }
    for (const [key, value] of Object.entries(conditions)) {
      const here = [...at, key];
      const entry = readEntry(key, value);
      if (typeof entry === 'string') findings.push({ code: entry, path: here });
      else if ('test' in entry) {
        tests++;
        if (!listIsFine(entry.test, lists)) findings.push({ code: 'invalid-condition', path: here });
      } else if ('not' in entry) visit(entry.not, level + 1, here);
      else
        for (const [i, inner] of ('any' in entry ? entry.any : entry.all).entries())
          visit(inner, level + 1, [...here, i]);
    }
  };
  visit(root, 0, path);
  if (tests > 64 || objects > 256) findings.push({ code: 'limit-exceeded', path });
  return findings;
}

/** A named list is there, and for `domain_in` it holds host names once it is normalized. */
function listIsFine({ operator, right }: Test, lists: Lists | null): boolean {
  if (lists === null || !('list' in right)) return true;
  const list = Object.hasOwn(lists, right.list) ? lists[right.list] : undefined;
  if (list === undefined) return false;
  const values = normalized(list.values, list.normalize) as unknown[];
  return operator !== 'domain_in' || values.every((value) => typeof value === 'string' && hostOfName(value) !== null);
}
