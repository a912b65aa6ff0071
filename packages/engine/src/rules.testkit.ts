import fc from 'fast-check';
import { type Condition, type Operand, type Operator, operandShapes, type Scalar, type Test } from './condition.js';
import { allOf, anyOf, sortedValues } from './format-condition.js';
import type { Effect, RuleInput } from './generated/rule.js';
import { formatCondition } from './index.js';

/** Few fields and few values, so that tests meet, overlap and contradict each other often. */
const fields = ['n', 's', 'b', 'l', 'o', 'o.n', 'o.deep.s', '__proto__', 'o.constructor', 'any', 'url'];
const numbers = [-1, 0, 0.5, 1, 2, 3, 10, 1e21, -1e-7, 5e-324, Number.MAX_VALUE];
const strings = [
  '',
  'a',
  'b',
  'ab',
  'A',
  '>30',
  'example.com',
  'x@Example.com',
  'https://sub.example.com/',
  '\u{1F600}',
  '\uFFFD',
  '\uD83D',
  'é',
];

/** The numbers and strings that generated rules and contexts name. */
export const namedValues = { numbers, strings };

export const anyScalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom(...numbers),
  fc.constantFrom(...strings),
  fc.boolean(),
  fc.constant(null),
);

export const lists = {
  vips: { values: ['a', 'x@example.com', 1, true], normalize: 'lower' },
  hosts: { values: ['example.com', 'Test.org'], normalize: 'host' },
} as const;

const anyField = fc.constantFrom(...fields);
const literals = fc
  .array(anyScalar, { maxLength: 6 })
  .map((values): Operand => ({ kind: 'values', values: sortedValues(values) }));

function operandFor(operator: Operator): fc.Arbitrary<Operand> {
  const value = (from: fc.Arbitrary<Scalar>) => from.map((scalar): Operand => ({ kind: 'value', value: scalar }));
  if (operator === 'matches') return value(fc.constantFrom('a', '^a', '(?i)EXAMPLE', 'b$', '.'));
  const byShape = operandShapes[operator].map((shape): fc.Arbitrary<Operand> | null => {
    switch (shape) {
      case 'scalar':
        return value(anyScalar);
      case 'string':
        return value(fc.constantFrom(...strings));
      case 'number':
        return value(fc.constantFrom(...numbers));
      case 'boolean':
        return value(fc.boolean());
      case 'values':
        return operator === '==' || operator === '!=' ? null : literals;
      case 'strings':
        return fc.constantFrom<Operand>(
          { kind: 'values', values: ['example.com'] },
          { kind: 'values', values: ['com', 'test.org'] },
          { kind: 'values', values: [] },
        );
      case 'list':
        if (operator === '==' || operator === '!=') return null;
        return fc.constantFrom<Operand>(
          { kind: 'list', name: 'hosts' },
          { kind: 'list', name: operator === 'domain_in' ? 'hosts' : 'vips' },
        );
      default:
        return anyField.map((field): Operand => ({ kind: 'field', field }));
    }
  });
  return fc.oneof(...byShape.filter((arbitrary) => arbitrary !== null));
}

export const anyTest: fc.Arbitrary<Test> = fc
  .constantFrom(...(Object.keys(operandShapes) as Operator[]))
  .chain((operator) =>
    fc.record({
      kind: fc.constant('test' as const),
      field: anyField,
      operator: fc.constant(operator),
      operand: operandFor(operator),
    }),
  );

/** Conditions in normal form within every limit. */
export const anyCondition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    anyTest,
    fc.array(tie('node'), { maxLength: 3 }).map(allOf),
    fc.array(tie('node'), { maxLength: 3 }).map(anyOf),
    tie('node').map((of): Condition => ({ kind: 'not', of })),
  ),
})).node;

export function anyRule(id: string, condition: fc.Arbitrary<Condition> = anyCondition): fc.Arbitrary<RuleInput> {
  return fc.record({
    id: fc.constant(id),
    agent: fc.constant('agent'),
    action: fc.constant('act'),
    effect: fc.constantFrom<Effect>('allow', 'deny', 'needs_approval'),
    priority: fc.integer({ min: 0, max: 3 }),
    conditions: condition.map(formatCondition),
  });
}

const anyValue = fc.oneof(
  anyScalar,
  fc.array(anyScalar, { maxLength: 3 }),
  fc.constantFrom({}, { n: 1 }, [[]], [{}], ['https://example.com'], { deep: { s: 'a' } }, { constructor: 1 }),
);

export const anyContext: fc.Arbitrary<Record<string, unknown>> = fc
  .uniqueArray(fc.tuple(fc.constantFrom('n', 's', 'b', 'l', 'o', 'any', 'url', '__proto__'), anyValue), {
    selector: ([name]) => name,
  })
  .map((entries) => Object.fromEntries(entries));
