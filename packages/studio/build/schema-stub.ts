/**
 * Stands in for the schema library in the browser, where schemas are never checked: what is made of them keeps the
 * keywords that the client reads (a pattern, a limit), as the plain object they were written as.
 */
const Type = new Proxy({} as Record<string, (...parts: readonly unknown[]) => object>, {
  get:
    () =>
    (...parts: readonly unknown[]) =>
      Object.assign({}, ...parts.filter((part) => typeof part === 'object' && !Array.isArray(part))),
});

export default Type;
