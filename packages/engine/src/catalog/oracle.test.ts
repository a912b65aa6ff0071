import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseContextSchema } from './schema.js';
import { type Dialect, schemas, values } from './schemas.testkit.js';
import { validateContext } from './validate.js';

const full = process.env.FULL === '1';
const options = { strict: false, ownProperties: true, logger: false, validateFormats: false } as const;
const contexts = fc.array(values, { minLength: 12, maxLength: 12 });

describe('validateContext', () => {
  it.each<Dialect>(['draft-07', '2020-12'])('answers as Ajv does: %s', { timeout: 900_000 }, (dialect) => {
    const count = { schemas: 0, circular: 0, unanswered: 0, valid: 0, invalid: 0 };
    fc.assert(
      fc.property(schemas(dialect), contexts, (schema, instances) => {
        const parsed = parseContextSchema(schema);
        if (Array.isArray(parsed)) {
          // The one thing these schemas may do that is refused; Ajv would never come to an end.
          expect(parsed[0]?.message).toMatch(/applies itself to the same value again/);
          count.circular += 1;
          return;
        }
        count.schemas += 1;
        const ajv = dialect === 'draft-07' ? new Ajv(options) : new Ajv2020(options);
        const validate = ajv.compile(schema as object);
        for (const value of instances) {
          const context = { value };
          const violations = validateContext(parsed, context);
          const expected = answerOf(() => validate(context));
          if (expected === null) {
            count.unanswered += 1;
            continue;
          }
          if ((violations.length === 0) !== expected) {
            throw new Error(`${JSON.stringify(context)}: Ajv says ${expected}, not ${JSON.stringify(violations)}`);
          }
          if (expected) count.valid += 1;
          else count.invalid += 1;
        }
      }),
      { seed: 7, numRuns: full ? 10_000 : 400 },
    );
    if (full) console.info(dialect, count);
    // The comparison is worth something only where both answers and few refusals occur.
    expect(count.valid).toBeGreaterThan(count.schemas);
    expect(count.invalid).toBeGreaterThan(count.schemas);
    expect(count.circular + count.unanswered).toBeLessThan(count.schemas / 5);
  });
});

/** Null where Ajv's own code breaks, as it does on some patternProperties beside an `if` that is always met. */
function answerOf(ask: () => boolean): boolean | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
