import type { ContextTyping } from '../../analysis/domain.js';
import { fieldsOf, type Test, testsOf } from '../../condition.js';
import type { Path } from '../../diagnostic.js';
import { parseKey } from '../../parse-key.js';
import type { SoundRule } from '../../rule.js';
import { at, type Found, type LintCheck } from '../check.js';
import { isRecord, rename, replace, valueAt } from '../edits.js';
import type { PatchOperation } from '../finding.js';
import type { LintMemory } from '../memory.js';
import { isExcluded, isNamed, isSetByServer, type Schemas } from '../schemas.js';
import { pathOf } from '../written-tests.js';

export const check: LintCheck = {
  code: 'unknown-field',
  severity: 'warning',
  *find({ rules, schemas, memory }) {
    for (const each of rules) {
      if (!each.rule.enabled) continue;
      // Only where every action that the rule is about has a schema can none of them know a field.
      const typings = schemas?.typingsIn(each.rule) ?? null;
      const told = new Set<string>();
      for (const test of testsOf(each.condition)) {
        for (const field of fieldsOf(test)) {
          if (told.has(field) || isSetByServer(field) || typings?.some((typing) => isNamed(typing, field))) continue;
          told.add(field);
          const misread = misreadPath(field);
          if (misread !== null && schemas?.readsAs(each.rule, field) !== true) {
            yield noPath({ each, test, field, memory }, misread);
          } else if (schemas !== null && typings !== null) {
            yield* unknownField({ each, test, field, typings, schemas, memory });
          }
        }
      }
    }
  },
};

/** Why a path does not lead where its author thinks, and the path that does where there is one. */
interface Misread {
  readonly because: string;
  readonly advice: string;
  readonly meant: string | null;
}

/** A path in another language's spelling; each is a valid field here, and mostly one that no request has. */
function misreadPath(field: string): Misread | null {
  if (/[[\]]/.test(field)) {
    const dotted = field.replace(/\[(["'])([^"'[\]]+)\1\]/g, '.$2');
    const meant =
      parseKey(dotted).kind === 'test' && !/[[\]]/.test(dotted) && misreadPath(dotted) === null ? dotted : null;
    return {
      because: 'brackets have no meaning in a path, they are part of the name',
      advice: meant === null ? elements : `write \`${meant}\``,
      meant,
    };
  }
  if (/\.\d+(?:\.|$)/.test(field)) {
    return { because: 'paths do not lead into arrays', advice: elements, meant: null };
  }
  if (!field.startsWith('context.')) return null;
  const inside = field.slice('context.'.length);
  return {
    because: 'fields are looked up in the context, so this is `context` within it',
    advice: `write \`${inside}\``,
    meant: misreadPath(inside) === null ? inside : null,
  };
}

const elements = 'test the elements of an array with `contains`, `any_in` or `all_in` on the array itself';

function noPath(
  { each, test, field, memory }: Pick<UnnamedField, 'each' | 'test' | 'field' | 'memory'>,
  { because, advice, meant }: Misread,
): Found {
  const path = pathOf(memory, each, test);
  const patch = meant === null ? null : respelled(each, path, field, meant);
  return {
    rule: at(each),
    path,
    message: `\`${each.rule.id}\` reads the field \`${field}\`: ${because}, so it is probably always missing`,
    suggestion: {
      message: `${advice}, or name the field in a schema if it is sent so`,
      ...(patch === null ? {} : { patch, changes_decisions: true as const }),
    },
  };
}

interface UnnamedField {
  readonly each: SoundRule;
  readonly test: Test;
  readonly field: string;
  readonly typings: readonly ContextTyping[];
  readonly schemas: Schemas;
  readonly memory: LintMemory;
}

function* unknownField({ each, test, field, typings, schemas, memory }: UnnamedField): Iterable<Found> {
  const near = schemas.nearestField(each.rule, field);
  const isOut = typings.every((typing) => isExcluded(typing, field));
  if (!isOut && near === null) return;
  const whose = typings.length === 1 ? 'the schema of its action does not name' : 'no schema of its actions names';
  const named = near === null ? '' : `; the field that is named there is \`${near}\``;
  const consequence = isOut
    ? `and allows no other fields, so it is always missing${named}`
    : `so it is probably never sent, and a test of a missing field is not met${named}`;
  const path = pathOf(memory, each, test);
  const patch = near === null ? null : respelled(each, path, field, near);
  yield {
    rule: at(each),
    path,
    message: `\`${each.rule.id}\` reads the field \`${field}\`, which ${whose}, ${consequence}`,
    suggestion: {
      message:
        near === null
          ? 'correct the name, or add the field to the schema'
          : `write \`${near}\`, or add \`${field}\` to the schema`,
      ...(patch === null ? {} : { patch, changes_decisions: true as const }),
    },
  };
}

/** The test at the path with another field in place of this one, on the left or on the right. */
function respelled({ rule, index }: SoundRule, path: Path, field: string, near: string): PatchOperation[] | null {
  const key = path.at(-1);
  const owner = valueAt(rule, path.slice(0, -1));
  if (typeof key !== 'string' || !isRecord(owner)) return null;
  const value = owner[key];
  if (isRecord(value) && value.field === field) return [replace([index, ...path, 'field'], near)];
  const newKey = key.replace(field, () => near);
  const parsed = parseKey(newKey);
  if (parsed.kind !== 'test' || parsed.field !== near) return null;
  return rename(owner, [index, ...path.slice(0, -1)], key, newKey);
}
