import fc from 'fast-check';
import { canonicalJson } from '../canonical.js';

/** Which spelling of arrays, dependencies and definitions a schema uses. */
export type Dialect = 'draft-07' | '2020-12';

export type Schema = boolean | Record<string, unknown>;

export const fieldNames = ['a', 'b', 'c', 'kind'] as const;
const texts = ['', 'a', 'ab', 'b1', '\u{1f600}', 'x-1', 'kind'] as const;
/** None of the numbers whose multiples Ajv gets wrong: those printed with an exponent. */
const numbers = [0, 1, 2, 3, -1, 2.5, 0.5, 1e15] as const;
/** Patterns that mean the same to RE2 and to ECMAScript. */
const patterns = ['^a', 'b$', '^[a-z]+$', '\\d', '^x-', 'a|b', '^.{1,2}$', '^\\w*$'] as const;

const scalar = fc.oneof(
  fc.constantFrom<unknown>(...texts),
  fc.constantFrom<unknown>(...numbers),
  fc.constantFrom<unknown>(true, false, null),
);

/** JSON values that schemas below often let through, and often not. */
export const values: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: scalar, weight: 5 },
    { arbitrary: fc.array(tie('value'), { maxLength: 4 }), weight: 2 },
    {
      arbitrary: fc.dictionary(fc.constantFrom(...fieldNames, 'x-1', 'zz'), tie('value'), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
      weight: 3,
    },
  ),
})).value;

const types = fc.constantFrom('null', 'boolean', 'number', 'integer', 'string', 'array', 'object');
const names = fc.uniqueArray(fc.constantFrom(...fieldNames), { maxLength: 2 });
const small = fc.constantFrom(0, 1, 2, 3);
const bound = fc.constantFrom(...numbers);

/** Keywords that stand alone. */
const assertion: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  types.map((type) => ({ type })),
  fc.uniqueArray(types, { minLength: 1, maxLength: 3 }).map((type) => ({ type })),
  fc.uniqueArray(values, { minLength: 1, maxLength: 4, selector: canonicalJson }).map((members) => ({ enum: members })),
  values.map((value) => ({ const: value })),
  bound.map((minimum) => ({ minimum })),
  bound.map((maximum) => ({ maximum })),
  bound.map((exclusiveMinimum) => ({ exclusiveMinimum })),
  bound.map((exclusiveMaximum) => ({ exclusiveMaximum })),
  fc.constantFrom(1, 2, 0.5, 3).map((multipleOf) => ({ multipleOf })),
  small.map((minLength) => ({ minLength })),
  small.map((maxLength) => ({ maxLength })),
  fc.constantFrom(...patterns).map((pattern) => ({ pattern })),
  names.map((required) => ({ required })),
  small.map((minProperties) => ({ minProperties })),
  small.map((maxProperties) => ({ maxProperties })),
  small.map((minItems) => ({ minItems })),
  small.map((maxItems) => ({ maxItems })),
  fc.boolean().map((uniqueItems) => ({ uniqueItems })),
);

/** Schemas over the keywords of one dialect, often several at once; `$ref` leads to `root` and the definitions `one` and `two`. */
export function schemas(dialect: Dialect): fc.Arbitrary<Schema> {
  const definitions = dialect === 'draft-07' ? 'definitions' : '$defs';
  const { schema } = fc.letrec<{ schema: Schema }>((tie) => {
    const inner = tie('schema');
    const some = fc.array(inner, { minLength: 1, maxLength: 3 });
    const map = (keys: readonly string[]) =>
      fc.dictionary(fc.constantFrom(...keys), inner, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
    const common: fc.Arbitrary<Record<string, unknown>>[] = [
      map(fieldNames).map((properties) => ({ properties })),
      map(fieldNames).map((properties) => ({ type: 'object', properties, required: Object.keys(properties) })),
      map(fieldNames).map((properties) => ({ properties, additionalProperties: false })),
      map(['^x-', 'a|b', '^k']).map((patternProperties) => ({ patternProperties })),
      inner.map((additionalProperties) => ({ additionalProperties })),
      inner.map((propertyNames) => ({ propertyNames })),
      some.map((allOf) => ({ allOf })),
      some.map((anyOf) => ({ anyOf })),
      some.map((oneOf) => ({ oneOf })),
      inner.map((not) => ({ not })),
      fc.tuple(inner, inner, inner).map(([test, then, otherwise]) => ({ if: test, then, else: otherwise })),
      fc.tuple(inner, inner).map(([test, then]) => ({ if: test, then })),
      fc.constantFrom('one', 'two').map((name) => ({ $ref: `#/${definitions}/${name}` })),
      fc.constant({ $ref: '#' }),
      inner.map((items) => ({ items })),
    ];
    const own: fc.Arbitrary<Record<string, unknown>>[] =
      dialect === 'draft-07'
        ? [
            inner.map((contains) => ({ contains })),
            fc.tuple(some, inner).map(([items, additionalItems]) => ({ items, additionalItems })),
            fc
              .dictionary(fc.constantFrom(...fieldNames), fc.oneof(inner, names), { maxKeys: 2, noNullPrototype: true })
              .map((dependencies) => ({
                dependencies,
              })),
          ]
        : [
            fc.tuple(inner, small, small).map(([contains, minContains, more]) => ({
              contains,
              minContains,
              maxContains: minContains + more,
            })),
            fc.tuple(some, inner).map(([prefixItems, items]) => ({ prefixItems, items })),
            fc
              .dictionary(fc.constantFrom(...fieldNames), names, { maxKeys: 2, noNullPrototype: true })
              .map((dependentRequired) => ({
                dependentRequired,
              })),
            map(fieldNames).map((dependentSchemas) => ({ dependentSchemas })),
          ];
    const applicator = fc.oneof(...common, ...own);
    return {
      schema: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        { arbitrary: fc.boolean() as fc.Arbitrary<Schema>, weight: 1 },
        { arbitrary: assertion as fc.Arbitrary<Schema>, weight: 4 },
        {
          arbitrary: fc
            .tuple(fc.option(assertion, { nil: {} }), applicator, fc.option(applicator, { nil: {} }))
            .map(([a, b, c]): Schema => apartForAjv({ ...a, ...b, ...c })),
          weight: 6,
        },
      ),
    };
  });
  return fc
    .record({ value: schema, one: schema, two: schema })
    .map(({ value, one, two }) => ({ properties: { value }, [definitions]: { one, two } }));
}

/** Ajv lets `[]` pass a `contains` that stands beside a closed tuple, though it holds no element at all. */
function apartForAjv(schema: Record<string, unknown>): Record<string, unknown> {
  if (!('prefixItems' in schema || 'additionalItems' in schema)) return schema;
  const { contains: _, minContains: _min, maxContains: _max, ...rest } = schema;
  return rest;
}
