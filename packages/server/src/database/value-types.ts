import pg from 'pg';

const { INT8, NUMERIC, DATE } = pg.types.builtins;
const INT8_ARRAY = 1016;
const NUMERIC_ARRAY = 1231;

type Parser = (text: string) => unknown;

/**
 * An exact `bigint` as a number. A query whose value does not fit fails: a wrong number in a record is worse.
 *
 * @throws RangeError beyond 2^53 - 1
 */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} does not fit a number`);
  return value;
}

/**
 * The nearest number to a `numeric`; `NaN` and infinities are themselves.
 *
 * @throws RangeError beyond 2^53 - 1, where whole units get lost
 */
function parseNumeric(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(`numeric ${text} does not fit a number`);
  }
  return value;
}

function parseArray(arrayType: number, parse: Parser): Parser {
  const split: Parser = pg.types.getTypeParser(arrayType);
  const each = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(each);
    return value === null ? null : parse(String(value));
  };
  return (text) => each(split(text));
}

const parsers = new Map<number, Parser>([
  [INT8, parseInt8],
  [INT8_ARRAY, parseArray(INT8_ARRAY, parseInt8)],
  [NUMERIC, parseNumeric],
  [NUMERIC_ARRAY, parseArray(NUMERIC_ARRAY, parseNumeric)],
  // A calendar day has no time zone; a Date would give it the machine's.
  [DATE, (text) => text],
]);

/** Parsers for the values PostgreSQL returns, given to each pool, so that no other user of `pg` is affected. */
export const valueTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    const parser = format === 'binary' ? undefined : parsers.get(oid);
    return parser ?? pg.types.getTypeParser(oid, format);
  }) as pg.CustomTypesConfig['getTypeParser'],
};
