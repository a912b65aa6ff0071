import { Problem } from '@policy-studio/contract';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * A contract schema as plain JSON for the validator: nested named schemas stay in place without their names, and a union
 * of objects told apart by one constant becomes a discriminated one, so that faults speak of the branch that was meant.
 */
export function plainSchema(schema: object): { [key: string]: Json } {
  return plain(JSON.parse(JSON.stringify(schema)) as Json) as { [key: string]: Json };
}

function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  if (value.$ref === 'Problem') return plainSchema(Problem);
  const entries = Object.entries(value).filter(([key, item]) => !(key === '$id' && typeof item === 'string'));
  const copy = Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
  const tag = Array.isArray(copy.anyOf) ? discriminator(copy.anyOf) : null;
  if (tag === null) return copy;
  const { anyOf, ...rest } = copy;
  return { ...rest, type: 'object', required: [tag], discriminator: { propertyName: tag }, oneOf: anyOf as Json };
}

/** The property that every branch fixes to a constant of its own, or null. */
function discriminator(branches: Json[]): string | null {
  const constants = branches.map((branch) => {
    if (branch === null || typeof branch !== 'object' || Array.isArray(branch)) return [];
    const properties = branch.properties;
    if (properties === null || typeof properties !== 'object' || Array.isArray(properties)) return [];
    return Object.entries(properties).flatMap(([name, property]) =>
      property !== null && typeof property === 'object' && 'const' in property ? [name] : [],
    );
  });
  return constants[0]?.find((name) => constants.every((names) => names.includes(name))) ?? null;
}
