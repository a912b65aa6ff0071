import { canonicalJson } from '../canonical.js';
import type { Test } from '../condition.js';
import type { Path } from '../diagnostic.js';
import { formatCondition } from '../format-condition.js';
import { parseCondition } from '../parse-condition.js';
import { parseKey } from '../parse-key.js';
import type { SoundRule } from '../rule.js';
import type { LintMemory } from './memory.js';

/** Where the rule's author wrote the test, from the rule; the conditions as a whole when it is not found. */
export function pathOf({ paths }: LintMemory, rule: SoundRule, test: Test): Path {
  let path = paths.get(test);
  if (path === undefined) {
    path = soughtPath(rule, test);
    paths.set(test, path);
  }
  return path;
}

function soughtPath({ rule }: SoundRule, test: Test): Path {
  const wanted = canonicalJson(formatCondition(test));
  for (const { path, entry } of entriesAbout(rule.conditions, test.field, ['conditions'])) {
    const parsed = parseCondition(entry);
    if (!Array.isArray(parsed) && canonicalJson(formatCondition(parsed)) === wanted) return path;
  }
  return ['conditions'];
}

interface WrittenEntry {
  readonly path: Path;
  /** A condition object of the one entry. */
  readonly entry: Readonly<Record<string, unknown>>;
}

/** The entries of valid conditions, at any depth, whose left side is the field. */
function* entriesAbout(
  conditions: Readonly<Record<string, unknown>>,
  field: string,
  path: Path,
): Generator<WrittenEntry> {
  for (const [key, value] of Object.entries(conditions)) {
    const parsed = parseKey(key);
    const here = [...path, key];
    if (parsed.kind === 'test' && parsed.field === field) yield { path: here, entry: { [key]: value } };
    if (parsed.kind !== 'combinator') continue;
    if (!Array.isArray(value)) yield* entriesAbout(value as Record<string, unknown>, field, here);
    else for (const [i, child] of value.entries()) yield* entriesAbout(child, field, [...here, i]);
  }
}
