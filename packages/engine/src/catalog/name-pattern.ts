/** A concrete name of an agent or action, as in requests. */
export function isConcreteName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= maxNameLength && concrete.test(name);
}

/** A concrete name, `*`, or a prefix such as `inbox.*`. */
export function isNamePattern(pattern: unknown): pattern is string {
  if (typeof pattern !== 'string' || pattern.length > maxNameLength) return false;
  return pattern === '*' || concrete.test(pattern.endsWith('.*') ? pattern.slice(0, -2) : pattern);
}

export const maxNameLength = 128;
const concrete = /^[A-Za-z0-9_:/-]+(\.[A-Za-z0-9_:/-]+)*$/;

/** Whether the pattern matches the concrete name. */
export function matchesName(pattern: string, name: string): boolean {
  if (pattern === '*' || pattern === name) return true;
  return pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1));
}

/** Whether some name is matched by both patterns. */
export function patternsMeet(a: string, b: string): boolean {
  if (a === '*' || b === '*' || a === b) return true;
  const stem = (pattern: string) => (pattern.endsWith('.*') ? pattern.slice(0, -1) : null);
  const [x, y] = [stem(a), stem(b)];
  if (x !== null && y !== null) return x.startsWith(y) || y.startsWith(x);
  if (x !== null) return b.startsWith(x);
  return y !== null && a.startsWith(y);
}
