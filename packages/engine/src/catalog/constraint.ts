import { inPlaceOf } from './in-place.js';
import type { ArrayKeywords, ObjectKeywords, SchemaNode } from './schema.js';
import { anyShape, joinOf, meetOf, noShape, objects, ownShape, type Shape, shapeKinds } from './shape.js';

/** What must hold at one place of a context: schemas, all or some of them. */
export type Constraint = { readonly weight: number } & (
  | { readonly kind: 'node'; readonly node: SchemaNode }
  | { readonly kind: 'all' | 'any'; readonly of: readonly Constraint[] }
);

const anything: Constraint = { kind: 'all', of: [], weight: 0 };
const nothing: Constraint = { kind: 'any', of: [], weight: 0 };

/**
 * How many schemas may say something of one place before the rest is left out. What is left out could only exclude more,
 * so answers stay sound; and schemas that fan out without end stay cheap.
 */
const maxWeight = 256;

export function constraintOf(node: SchemaNode): Constraint {
  return { kind: 'node', node, weight: weightOf(node) };
}

/** The schemas that apply to one value through this one, themselves and those they lead to, counted up to the bound. */
function weightOf(node: SchemaNode, most = maxWeight + 1): number {
  let weight = 1;
  for (const each of inPlaceOf(node)) {
    if (weight >= most) break;
    weight += weightOf(each, most - weight);
  }
  return weight;
}

/** How many schemas are applied where all alternatives of the constraint are tried, at most `most`. */
export function effortOf(constraint: Constraint, most: number): number {
  if (constraint.kind === 'node') return weightOf(constraint.node, most);
  return constraint.of.reduce((total, part) => Math.min(most, total + effortOf(part, most)), 0);
}

/** How to work something out from what each schema of a constraint says of it. */
interface Folding<T> {
  own(node: SchemaNode): T;
  readonly anything: T;
  readonly nothing: T;
  meet(a: T, b: T): T;
  join(a: T, b: T): T;
}

function fold<T>(constraint: Constraint, folding: Folding<T>): T {
  if (constraint.kind === 'node') {
    const { node, weight } = constraint;
    return weight > maxWeight ? folding.own(node) : foldNode(node, folding);
  }
  const { of } = constraint;
  return constraint.kind === 'all'
    ? of.reduce((result, part) => folding.meet(result, fold(part, folding)), folding.anything)
    : of.reduce((result, part) => folding.join(result, fold(part, folding)), folding.nothing);
}

/** Schemas under `not`, and those that apply only beside a field, are left out: they can only exclude more. */
function foldNode<T>(node: SchemaNode, folding: Folding<T>): T {
  let result = folding.own(node);
  for (const alternatives of [node.anyOf, node.oneOf]) {
    if (alternatives === undefined) continue;
    result = folding.meet(
      result,
      alternatives.reduce((joined, each) => folding.join(joined, foldNode(each, folding)), folding.nothing),
    );
  }
  if (node.ref !== undefined) result = folding.meet(result, foldNode(node.ref, folding));
  for (const each of node.allOf ?? []) result = folding.meet(result, foldNode(each, folding));
  if (node.condition === undefined) return result;
  const { if: test, then, else: otherwise } = node.condition;
  const met = foldNode(test, folding);
  const branch = then === undefined ? met : folding.meet(met, foldNode(then, folding));
  const other = otherwise === undefined ? folding.anything : foldNode(otherwise, folding);
  return folding.meet(result, folding.join(branch, other));
}

export function shapeOf(constraint: Constraint): Shape {
  return fold(constraint, { own: ownShape, anything: anyShape, nothing: noShape, meet: meetOf, join: joinOf });
}

/** What must hold of a field of the objects that the constraint lets in. */
export function memberOf(constraint: Constraint, name: string): Constraint {
  return within(constraint, shapeKinds.object, ({ object }) => object && namedBy(object, name));
}

/** What must hold of some element of the arrays that the constraint lets in. */
export function elementOf(constraint: Constraint): Constraint {
  return within(constraint, shapeKinds.array, ({ array }) => array && elementBy(array));
}

function within(constraint: Constraint, kind: number, said: (node: SchemaNode) => Constraint | undefined): Constraint {
  return fold<Constraint>(constraint, {
    own: (node) => (ownShape(node).kinds & kind ? (said(node) ?? anything) : nothing),
    anything,
    nothing,
    meet: (a, b) => both('all', a, b),
    join: (a, b) => both('any', a, b),
  });
}

function namedBy({ properties, patternProperties, additional, names }: ObjectKeywords, name: string): Constraint {
  const nodes: SchemaNode[] = [];
  const named = properties.get(name);
  if (named !== undefined) nodes.push(named);
  for (const { pattern, node } of patternProperties) if (pattern.matcher.test(name)) nodes.push(node);
  if (nodes.length === 0 && additional !== undefined) nodes.push(additional);
  if (names?.never) return nothing;
  return nodes.map(constraintOf).reduce((a, b) => both('all', a, b), anything);
}

function elementBy({ prefix, rest }: ArrayKeywords): Constraint {
  const others = rest === undefined ? anything : constraintOf(rest);
  return prefix.map(constraintOf).reduce((a, b) => both('any', a, b), others);
}

/** Leaves out what changes nothing, and what is too much, so that constraints stay small. */
function both(kind: 'all' | 'any', a: Constraint, b: Constraint): Constraint {
  const neutral = kind === 'all' ? anything : nothing;
  const final = kind === 'all' ? nothing : anything;
  const isLike = (x: Constraint, y: Constraint) => x.kind === y.kind && x.kind !== 'node' && x.of.length === 0;
  if (isLike(a, neutral)) return b;
  if (isLike(b, neutral)) return a;
  if (isLike(a, final) || isLike(b, final)) return final;
  const weight = a.weight + b.weight;
  if (weight > maxWeight) return kind === 'all' ? a : anything;
  return { kind, of: [a, b], weight };
}

/** Whether every object that the constraint lets in has the field. */
export function requires(constraint: Constraint, name: string): boolean {
  return fold<boolean>(constraint, {
    own: (node) => !(ownShape(node).kinds & objects) || node.object?.required.includes(name) === true,
    anything: false,
    nothing: true,
    meet: (a, b) => a || b,
    join: (a, b) => a && b,
  });
}

/** The names of fields that the schemas of a constraint name. */
export function namesIn(constraint: Constraint): readonly string[] {
  const names = nodesIn(constraint).flatMap(({ object }) => [
    ...(object?.properties.keys() ?? []),
    ...(object?.required ?? []),
  ]);
  return [...new Set(names)];
}

/** The schemas of a constraint, alternatives included. */
export function nodesIn(constraint: Constraint): readonly SchemaNode[] {
  const nodes = new Set<SchemaNode>();
  fold<null>(constraint, {
    own(node) {
      nodes.add(node);
      return null;
    },
    anything: null,
    nothing: null,
    meet: () => null,
    join: () => null,
  });
  return [...nodes];
}
