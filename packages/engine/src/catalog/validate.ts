import { withoutFacts } from '../facts.js';
import { limits } from '../limits.js';
import {
  broken,
  type Check,
  type ContextViolation,
  isOfType,
  type Kind,
  kindNames,
  kindOf,
  type Place,
  plural,
  spend,
  tooDeep,
  typeNames,
  Unsettled,
  validationLimits,
} from './checking.js';
import type { ArrayKeywords, ContextSchema, ObjectKeywords, SchemaNode } from './schema.js';
import { allDiffer, isListed, matches, numberFits, textFits } from './value-keywords.js';

export { type ContextViolation, validationLimits } from './checking.js';

/**
 * How the context breaks the schema, in the order of the schema's keywords, at most 16; empty when it does not. Facts are
 * left out first, since only the server sets them. The work is counted: a schema that asks for too much of it on this
 * context is a violation too, never a pass. Pure; never throws.
 */
export function validateContext(schema: ContextSchema, context: Readonly<Record<string, unknown>>): ContextViolation[] {
  return violationsWithin(schema, context, validationLimits.work);
}

/** As `validateContext`, with a bound of the caller's on the work. */
export function violationsWithin(
  schema: ContextSchema,
  context: Readonly<Record<string, unknown>>,
  work: number,
): ContextViolation[] {
  const found: ContextViolation[] = [];
  const check: Check = { work, found };
  try {
    isValid(check, schema.root, withoutFacts(context).context, null, 0);
  } catch (error) {
    if (!(error instanceof Unsettled)) throw error;
    found.unshift({ path: [], message: error.message });
  }
  return found.slice(0, validationLimits.violations);
}

function isValid(check: Check, node: SchemaNode, value: unknown, place: Place | null, depth: number): boolean {
  spend(check, 1);
  if (depth > limits.contextDepth) throw new Unsettled(tooDeep);
  const kind = kindOf(value);
  if (kind === null) return broken(check, place, 'is no JSON value');
  if (node.never) return broken(check, place, 'is not allowed');
  if (node.types !== undefined && !isOfType(node.types, kind, value)) {
    // The other keywords would say the same of the wrong type.
    return check.found !== null && broken(check, place, `must be ${typeNames(node.types)}, not ${kindNames[kind]}`);
  }
  let valid = node.values === undefined || isListed(check, node.values, value, place);
  // Once one thing is wrong, only reports are left to gain.
  if (!valid && check.found === null) return false;
  if (!ownKeywordsFit(check, node, kind, value, place, depth)) valid = false;
  if (node.ref === undefined && !node.combines) return valid;
  if (!valid && check.found === null) return false;
  if (node.ref !== undefined && !isValid(check, node.ref, value, place, depth)) valid = false;
  if (!node.combines || (!valid && check.found === null)) return valid;
  return combinationFits(check, node, value, place, depth) && valid;
}

function ownKeywordsFit(
  check: Check,
  { number, text, array, object }: SchemaNode,
  kind: Kind,
  value: unknown,
  place: Place | null,
  depth: number,
): boolean {
  switch (kind) {
    case 'number':
      return number === undefined || numberFits(check, number, value as number, place);
    case 'string':
      return text === undefined || textFits(check, text, value as string, place);
    case 'array':
      return array === undefined || arrayFits(check, array, value as readonly unknown[], place, depth);
    case 'object':
      return object === undefined || objectFits(check, object, value as Members, place, depth);
    default:
      return true;
  }
}

type Members = Readonly<Record<string, unknown>>;
/** Whether the value fits, without a word about why not. */
function quietly(check: Check, node: SchemaNode, value: unknown, depth: number): boolean {
  const { found } = check;
  check.found = null;
  try {
    return isValid(check, node, value, null, depth);
  } finally {
    check.found = found;
  }
}

function arrayFits(
  check: Check,
  { prefix, rest, minItems, maxItems, unique, contains }: ArrayKeywords,
  value: readonly unknown[],
  place: Place | null,
  depth: number,
): boolean {
  let valid = true;
  const goOn = () => valid || check.found !== null;
  if (minItems !== undefined && value.length < minItems) {
    valid = broken(check, place, `must have at least ${plural(minItems, 'element')}`);
  }
  if (maxItems !== undefined && value.length > maxItems) {
    valid = broken(check, place, `must have at most ${plural(maxItems, 'element')}`);
  }
  for (let i = 0; i < value.length && goOn(); i++) {
    const node = prefix[i] ?? rest;
    if (node === undefined) break;
    if (!isValid(check, node, value[i], { name: i, above: place }, depth + 1)) valid = false;
  }
  if (unique && goOn() && !allDiffer(check, value)) valid = broken(check, place, 'must not have equal elements');
  if (contains !== undefined && goOn()) {
    let count = 0;
    for (const element of value) if (quietly(check, contains.node, element, depth + 1)) count += 1;
    const { minimum, maximum } = contains;
    if (count < minimum) {
      valid = broken(
        check,
        place,
        `must have at least ${plural(minimum, 'element')} of the kind that \`contains\` asks for`,
      );
    }
    if (count > maximum) {
      valid = broken(
        check,
        place,
        `must have at most ${plural(maximum, 'element')} of the kind that \`contains\` counts`,
      );
    }
  }
  return valid;
}

/** An undefined member is one that is not there, and so has no JSON either. */
function has(value: Members, name: string): boolean {
  return Object.hasOwn(value, name) && value[name] !== undefined;
}

function objectFits(
  check: Check,
  keywords: ObjectKeywords,
  value: Members,
  place: Place | null,
  depth: number,
): boolean {
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  spend(check, names.length + keywords.required.length);
  let valid = true;
  const goOn = () => valid || check.found !== null;
  const fail = (message: string, at: Place | null = place) => {
    valid = broken(check, at, message);
  };
  for (const name of keywords.required) {
    if (!has(value, name)) fail('is required', { name, above: place });
    if (!goOn()) return false;
  }
  const { minProperties, maxProperties } = keywords;
  if (minProperties !== undefined && names.length < minProperties)
    fail(`must have at least ${plural(minProperties, 'field')}`);
  if (maxProperties !== undefined && names.length > maxProperties)
    fail(`must have at most ${plural(maxProperties, 'field')}`);
  for (const name of names) {
    if (!goOn()) return false;
    if (!memberFits(check, keywords, name, value[name], { name, above: place }, depth + 1)) valid = false;
  }
  for (const [name, needed] of keywords.dependentRequired) {
    if (!goOn()) return false;
    if (!has(value, name)) continue;
    spend(check, needed.length);
    for (const other of needed)
      if (!has(value, other)) fail(`is required beside \`${name}\``, { name: other, above: place });
  }
  for (const [name, node] of keywords.dependentSchemas) {
    if (!goOn()) return false;
    if (has(value, name) && !isValid(check, node, value, place, depth)) valid = false;
  }
  return valid;
}

function memberFits(
  check: Check,
  { properties, patternProperties, additional, names }: ObjectKeywords,
  name: string,
  value: unknown,
  place: Place,
  depth: number,
): boolean {
  let valid = true;
  if (names !== undefined && !quietly(check, names, name, depth)) {
    valid = broken(check, place, 'has a name that is not allowed');
    if (check.found === null) return false;
  }
  let isNamed = false;
  const node = properties.get(name);
  if (node !== undefined) {
    isNamed = true;
    if (!isValid(check, node, value, place, depth)) valid = false;
  }
  for (const { pattern, node: each } of patternProperties) {
    if (!valid && check.found === null) return false;
    if (!matches(check, pattern, name)) continue;
    isNamed = true;
    if (!isValid(check, each, value, place, depth)) valid = false;
  }
  if (isNamed || additional === undefined) return valid;
  if (additional.never) return broken(check, place, 'is not a field that the schema knows');
  return isValid(check, additional, value, place, depth) && valid;
}

function combinationFits(
  check: Check,
  { allOf, anyOf, oneOf, not, condition }: SchemaNode,
  value: unknown,
  place: Place | null,
  depth: number,
): boolean {
  let valid = true;
  for (const node of allOf ?? []) {
    if (!isValid(check, node, value, place, depth)) valid = false;
    if (!valid && check.found === null) return false;
  }
  if (anyOf !== undefined && !anyOf.some((node) => quietly(check, node, value, depth))) {
    valid = noneFits(check, anyOf, value, place, depth);
    if (check.found === null) return false;
  }
  if (oneOf !== undefined) {
    const count = oneOf.filter((node) => quietly(check, node, value, depth)).length;
    if (count === 0) valid = noneFits(check, oneOf, value, place, depth);
    else if (count > 1)
      valid = broken(check, place, `must fit exactly one of ${oneOf.length} alternatives, not ${count}`);
    if (!valid && check.found === null) return false;
  }
  if (not !== undefined && quietly(check, not, value, depth)) {
    valid = broken(check, place, 'is what the schema rules out');
    if (check.found === null) return false;
  }
  if (condition === undefined) return valid;
  const branch = quietly(check, condition.if, value, depth) ? condition.then : condition.else;
  return (branch === undefined || isValid(check, branch, value, place, depth)) && valid;
}

/** Of a single alternative its own violations say more. */
function noneFits(
  check: Check,
  alternatives: readonly SchemaNode[],
  value: unknown,
  place: Place | null,
  depth: number,
): false {
  const [only] = alternatives;
  if (alternatives.length === 1 && only !== undefined && check.found !== null) {
    isValid(check, only, value, place, depth);
    return false;
  }
  return broken(check, place, `fits none of ${alternatives.length} alternatives`);
}
