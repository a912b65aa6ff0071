import { RE2JS } from 're2js';
import { type Diagnostic, quoted } from '../diagnostic.js';
import { type SchemaPattern, schemaLimits } from './schema.js';

/** A compiled pattern, or why it cannot be one. */
export type PatternReader = (source: string) => SchemaPattern | Pick<Diagnostic, 'message' | 'code'>;

/** Instructions that several schemas may still use together. */
export interface PatternBudget {
  instructions: number;
}

/**
 * Compiles the patterns of one schema, each once. They are written in ECMAScript's syntax and matched by RE2, in linear
 * time; look-around and back references, which RE2 cannot match, are refused. As there, `\s` is ASCII white space.
 */
export function createPatternReader(budget: PatternBudget): PatternReader {
  const known = new Map<string, ReturnType<PatternReader>>();
  let instructions = 0;
  const compile = (source: string): ReturnType<PatternReader> => {
    if (source.length > schemaLimits.patternChars) {
      return { code: 'limit-exceeded', message: `a pattern has at most ${schemaLimits.patternChars} characters` };
    }
    if (instructions > schemaLimits.instructions) {
      return { code: 'limit-exceeded', message: 'the patterns of the schema are too large together: use fewer' };
    }
    if (budget.instructions < 0) {
      return { code: 'limit-exceeded', message: 'the patterns of the catalog are too large together: use fewer' };
    }
    try {
      const matcher = RE2JS.compile(RE2JS.translateRegExp(source));
      const size = matcher.programSize();
      instructions += size;
      budget.instructions -= size;
      if (size <= schemaLimits.patternInstructions) return { source, size, matcher };
      const message = 'the pattern is too large once its repetitions are written out: use smaller counts';
      return { code: 'limit-exceeded', message };
    } catch (error) {
      const detail = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
      const message = `${quoted(source)} cannot be matched in linear time or is no pattern: ${quoted(detail).slice(1, -1)}`;
      return { code: 'invalid-schema', message };
    }
  };
  return (source) => {
    const before = known.get(source);
    if (before !== undefined) return before;
    const made = compile(source);
    known.set(source, made);
    return made;
  };
}
