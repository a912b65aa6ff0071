import type { ContextTyping, FieldDomain } from '../analysis/domain.js';
import { limits } from '../limits.js';
import type { ContextSchema, ObjectKeywords, SchemaNode } from './schema.js';
import { anyShape, fieldDomain, joinOf, meetOf, noShape, ownShape, type Shape, shapeKinds } from './shape.js';
import { validateContext } from './validate.js';

/** Bounds of the work on one typing; beyond them a field may hold anything, which is always sound. */
const maxFields = 2_000;
const maxSteps = 20_000;

/**
 * What the schema lets through, as `analyse` and `semanticDiff` take it: never less. `fields` holds the fields that the
 * schema names and a condition can name; `other` answers for the rest, such as those a closed object excludes; `admits`
 * is `validateContext`, so that no witness breaks the schema.
 */
export function typingOf(schema: ContextSchema): ContextTyping {
  const root: Constraint = { kind: 'node', node: schema.root };
  const domains = new Map<string, FieldDomain>();
  const fields = new Map<string, FieldDomain>();
  collect(root, '', true, fields);
  return {
    fields: Object.fromEntries(fields),
    other(field) {
      const known = domains.get(field);
      if (known !== undefined) return known;
      const domain = domainAt(root, field);
      if (domains.size < maxFields) domains.set(field, domain);
      return domain;
    },
    admits: (context) => validateContext(schema, context).length === 0,
  };
}

/** What must hold at one place: schemas, all or some of them. */
type Constraint =
  | { readonly kind: 'node'; readonly node: SchemaNode }
  | { readonly kind: 'all' | 'any'; readonly of: readonly Constraint[] };

const anything: Constraint = { kind: 'all', of: [] };
const nothing: Constraint = { kind: 'any', of: [] };

interface Steps {
  left: number;
}

function collect(constraint: Constraint, path: string, wholeWay: boolean, fields: Map<string, FieldDomain>): void {
  const queue = [{ constraint, path, wholeWay }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const steps = { left: maxSteps };
    for (const name of namesIn(next.constraint, steps)) {
      if (fields.size >= maxFields) return;
      const field = next.path === '' ? name : `${next.path}.${name}`;
      if (!isAddressable(name) || field.length > limits.fieldChars) continue;
      const below = belowOf(next.constraint, name, steps);
      const shape = shapeOf(below, steps);
      const required = next.wholeWay && requires(next.constraint, name, steps);
      const domain = fieldDomain(shape, required);
      fields.set(field, domain);
      if (!(shape.kinds & shapeKinds.object) || field.split('.').length >= maxNamedDepth) continue;
      // Only an object there for certain makes the fields within it required.
      queue.push({ constraint: below, path: field, wholeWay: domain.required === true && isObjectOnly(shape) });
    }
  }
}

/** Named fields are listed this deep; schemas that contain themselves have no end of them. */
const maxNamedDepth = 8;

function isObjectOnly({ kinds }: Shape): boolean {
  return kinds === shapeKinds.object;
}

function domainAt(root: Constraint, field: string): FieldDomain {
  const steps = { left: maxSteps };
  let constraint = root;
  let wholeWay = true;
  let domain: FieldDomain = {};
  for (const name of field.split('.')) {
    const below = belowOf(constraint, name, steps);
    const shape = shapeOf(below, steps);
    domain = fieldDomain(shape, wholeWay && requires(constraint, name, steps));
    wholeWay = domain.required === true && isObjectOnly(shape);
    constraint = below;
  }
  return domain;
}

/** Whether a condition can name a field of this name. */
function isAddressable(name: string): boolean {
  return /^[^\s\p{Cc}<>=!.]+$/u.test(name) && name !== '__proto__' && name !== 'constructor' && name !== 'prototype';
}

function shapeOf(constraint: Constraint, steps: Steps): Shape {
  return fold(constraint, steps, {
    own: ownShape,
    anything: anyShape,
    nothing: noShape,
    meet: meetOf,
    join: joinOf,
  });
}

/** How to work something out from what each schema of a constraint says of it. */
interface Folding<T> {
  own(node: SchemaNode): T;
  readonly anything: T;
  readonly nothing: T;
  meet(a: T, b: T): T;
  join(a: T, b: T): T;
}

/** Schemas under `not`, and those that apply only beside a field, are left out: they can only exclude more. */
function fold<T>(constraint: Constraint, steps: Steps, folding: Folding<T>): T {
  const all = (parts: readonly Constraint[]) =>
    parts.reduce((result, part) => folding.meet(result, fold(part, steps, folding)), folding.anything);
  const any = (parts: readonly Constraint[]) =>
    parts.reduce((result, part) => folding.join(result, fold(part, steps, folding)), folding.nothing);
  steps.left -= 1;
  if (steps.left < 0) return folding.anything;
  if (constraint.kind !== 'node') return constraint.kind === 'all' ? all(constraint.of) : any(constraint.of);
  const { node } = constraint;
  let result = folding.own(node);
  for (const alternatives of [node.anyOf, node.oneOf]) {
    if (alternatives !== undefined) result = folding.meet(result, any(alternatives.map(ofNode)));
  }
  for (const each of [node.ref, ...(node.allOf ?? [])]) {
    if (each !== undefined) result = folding.meet(result, fold(ofNode(each), steps, folding));
  }
  if (node.condition !== undefined) {
    const { if: test, then, else: otherwise } = node.condition;
    const met = then === undefined ? [ofNode(test)] : [ofNode(test), ofNode(then)];
    result = folding.meet(
      result,
      any([{ kind: 'all', of: met }, otherwise === undefined ? anything : ofNode(otherwise)]),
    );
  }
  return result;
}

function ofNode(node: SchemaNode): Constraint {
  return { kind: 'node', node };
}

/** What must hold of a field of the objects that the constraint lets in. */
function belowOf(constraint: Constraint, name: string, steps: Steps): Constraint {
  return fold<Constraint>(constraint, steps, {
    own: (node) => {
      if (!(ownShape(node).kinds & shapeKinds.object)) return nothing;
      return node.object === undefined ? anything : memberOf(node.object, name);
    },
    anything,
    nothing,
    meet: (a, b) => both('all', a, b),
    join: (a, b) => both('any', a, b),
  });
}

function memberOf({ properties, patternProperties, additional }: ObjectKeywords, name: string): Constraint {
  const nodes: SchemaNode[] = [];
  const named = properties.get(name);
  if (named !== undefined) nodes.push(named);
  for (const { pattern, node } of patternProperties) if (pattern.matcher.test(name)) nodes.push(node);
  if (nodes.length === 0 && additional !== undefined) nodes.push(additional);
  return nodes.length === 1 ? ofNode(nodes[0] as SchemaNode) : { kind: 'all', of: nodes.map(ofNode) };
}

/** Leaves out what changes nothing, so that constraints stay small. */
function both(kind: 'all' | 'any', a: Constraint, b: Constraint): Constraint {
  const neutral = kind === 'all' ? anything : nothing;
  const final = kind === 'all' ? nothing : anything;
  const isLike = (x: Constraint, y: Constraint) => x.kind === y.kind && x.kind !== 'node' && x.of.length === 0;
  if (isLike(a, neutral)) return b;
  if (isLike(b, neutral)) return a;
  if (isLike(a, final) || isLike(b, final)) return final;
  return { kind, of: [a, b] };
}

/** Whether every object that the constraint lets in has the field. */
function requires(constraint: Constraint, name: string, steps: Steps): boolean {
  return fold<boolean>(constraint, steps, {
    own: (node) => {
      if (!(ownShape(node).kinds & shapeKinds.object)) return true;
      return node.object?.required.includes(name) === true;
    },
    anything: false,
    nothing: true,
    meet: (a, b) => a || b,
    join: (a, b) => a && b,
  });
}

/** The names that the schemas of a constraint name. */
function namesIn(constraint: Constraint, steps: Steps): readonly string[] {
  const names = new Set<string>();
  const add = ({ object }: SchemaNode) => {
    for (const name of object?.properties.keys() ?? []) names.add(name);
    for (const name of object?.required ?? []) names.add(name);
  };
  fold<null>(constraint, steps, {
    own(node) {
      add(node);
      return null;
    },
    anything: null,
    nothing: null,
    meet: () => null,
    join: () => null,
  });
  return [...names];
}
