import { limits, redact } from '@policy-studio/engine';

/** How many places a record names at most, and of how many characters; beyond it they are named by what holds them. */
const namedPlaces = { count: 64, characters: 4096 } as const;

/**
 * What the record keeps of a request's context, and the fields it does not, whole or in part: those that a schema marks
 * `x-sensitive`. A context that violates the schema may hold them where others would stand.
 */
export function kept(
  { context, contextText }: { readonly context: Readonly<Record<string, unknown>>; readonly contextText: string },
  sensitive: readonly (readonly string[])[] | undefined,
  violates: boolean,
): { readonly text: string; readonly redacted: readonly string[] } {
  if (sensitive === undefined) return { text: contextText, redacted: [] };
  // Of a context that is sensitive as a whole the record still says which fields it had.
  const paths = sensitive.map((path) => (path.length === 0 ? ['*'] : path));
  const { context: left, redacted } = redact(context, paths, { strict: violates });
  if (redacted.length === 0) return { text: contextText, redacted };
  return { text: JSON.stringify(left), redacted: bounded(redacted) };
}

function bounded(places: readonly string[]): readonly string[] {
  let named = places;
  const tooMany = () =>
    named.length > namedPlaces.count || named.reduce((sum, place) => sum + place.length, 0) > namedPlaces.characters;
  for (let depth = 0; depth < limits.contextDepth && tooMany(); depth += 1) {
    named = [...new Set(named.map((place) => place.slice(0, Math.max(0, place.lastIndexOf('.'))) || place))];
  }
  return named;
}

/** The first of these fields that a record does not keep, whole or in part; null when it keeps all of them. */
export function notKept(fields: readonly string[], redacted: readonly string[] = []): string | null {
  if (redacted.length === 0) return null;
  const meets = (field: string, place: string): boolean =>
    field === place || field.startsWith(`${place}.`) || place.startsWith(`${field}.`);
  return fields.find((field) => redacted.some((place) => meets(field, place))) ?? null;
}
