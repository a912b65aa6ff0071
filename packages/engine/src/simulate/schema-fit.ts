import { sameJson } from '../canonical.js';
import type { ContextSchema, NumberKeywords, SchemaNode, SchemaType } from '../catalog/schema.js';

/**
 * Whether a field of a context might hold the value (undefined: be missing), as far as the schema's own words for that
 * place tell: type, values, bounds. A filter that spares wrong guesses; only validation of the whole context decides.
 */
export function mightHold(schema: ContextSchema, field: string, value: unknown): boolean {
  const place = placeOf(schema.root, field.split('.'));
  if (place === null) return true;
  if (value === undefined) return !place.required;
  return fits(place.node, value);
}

interface Place {
  readonly node: SchemaNode;
  readonly required: boolean;
}

const refsFollowed = 8;

/** What the schema says of the field by itself; null where it says nothing, or says it in a roundabout way. */
function placeOf(root: SchemaNode, segments: readonly string[]): Place | null {
  let node = followed(root);
  let required = true;
  for (const segment of segments) {
    const { object } = node;
    const inner = object?.properties.get(segment) ?? (object?.additional?.never ? object.additional : undefined);
    if (object === undefined || inner === undefined) return null;
    required = required && object.required.includes(segment);
    node = followed(inner);
  }
  return { node, required };
}

function followed(node: SchemaNode): SchemaNode {
  let at = node;
  for (let i = 0; i < refsFollowed && at.ref !== undefined; i++) at = at.ref;
  return at;
}

function fits(node: SchemaNode, value: unknown): boolean {
  if (node.never) return false;
  if (node.types !== undefined && !node.types.some((type) => isOfType(value, type))) return false;
  if (node.values !== undefined && !node.values.every((values) => values.some((each) => sameJson(each, value)))) {
    return false;
  }
  if (typeof value === 'number') return node.number === undefined || isWithin(value, node.number);
  const rest = node.array?.rest;
  return !Array.isArray(value) || rest === undefined || value.every((element) => fits(followed(rest), element));
}

function isOfType(value: unknown, type: SchemaType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

function isWithin(value: number, { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: NumberKeywords): boolean {
  return (
    value >= (minimum ?? -Infinity) &&
    value <= (maximum ?? Infinity) &&
    value > (exclusiveMinimum ?? -Infinity) &&
    value < (exclusiveMaximum ?? Infinity)
  );
}
