/** Every bound of the language and its documents. They count size and work, never time, so the same input is refused everywhere. */
export const limits = {
  /** rules of one bundle */
  rules: 10_000,
  /** tests in the conditions of one rule */
  testsPerRule: 64,
  /** condition objects of one rule, the outer one included */
  conditionObjects: 256,
  /** levels of condition objects below the outer one, which is level 0 */
  nesting: 8,
  /** UTF-8 bytes of one string in a rule */
  stringBytes: 8192,
  /** values of a literal array in one test */
  literalValues: 10_000,
  /** values of one named list */
  listValues: 100_000,
  /** UTF-16 units of a bundle's notes */
  notesChars: 10_000,
  /** UTF-8 bytes of a request's context as JSON */
  contextBytes: 65_536,
  /** levels of objects and arrays in a context, and in a rule's metadata */
  contextDepth: 32,
  /** UTF-16 units of a `matches` pattern */
  matchesChars: 1024,
  /** instructions of a compiled `matches` pattern: repetition makes short patterns large */
  matchesInstructions: 5000,
  /** instructions of all different patterns of a bundle together: some 200 ms of compiling */
  bundleMatchesInstructions: 500_000,
  /** segments of a field path */
  fieldSegments: 32,
  /** UTF-16 units of a field path */
  fieldChars: 256,
  /** mismatches reported in one decision */
  errors: 32,
  /** candidate rules traced in one explanation */
  tracedRules: 200,
  /** steps of expensive tests in one decision */
  work: 50_000_000,
  /** UTF-8 bytes of a bundle document in JSON */
  sourceBytes: 16 * 1024 * 1024,
  /** UTF-8 bytes of a bundle document in YAML, which takes ten times as long to read */
  yamlBytes: 4 * 1024 * 1024,
  /** levels of objects and arrays in a bundle document */
  sourceDepth: 64,
  /** aliases in a YAML document */
  sourceAliases: 100,
  /** diagnostics reported at once */
  diagnostics: 1000,
} as const;
