import { admitsType, type ContextTyping, type FieldDomain } from '../analysis/domain.js';
import { limits } from '../limits.js';
import { completed, witnessWork } from './complete.js';
import {
  type Constraint,
  constraintOf,
  effortOf,
  elementOf,
  memberOf,
  namesIn,
  requires,
  shapeOf,
} from './constraint.js';
import type { ContextSchema } from './schema.js';
import { fieldDomain, objects, shapeKinds } from './shape.js';
import { violationsWithin } from './validate.js';

/** Named fields are listed in this number and this deep; schemas that contain themselves have no end of them. */
const maxFields = 1_000;
const maxNamedDepth = 8;
/** Answers kept; they are made again when there are more. */
const maxKept = 20_000;

/**
 * What the schema lets through, as `analyse` and `semanticDiff` take it: never less. `fields` holds the fields that the
 * schema names and a condition can name; `other` answers for the rest, such as those a closed object excludes; `admits`
 * and `complete` see to it that no witness breaks the schema.
 */
export function typingOf(schema: ContextSchema): ContextTyping {
  const root = constraintOf(schema.root);
  const domains = new Map<string, FieldDomain>();
  const fields = new Map<string, FieldDomain>();
  const effort = collect(root, fields);
  return {
    fields: Object.fromEntries(fields),
    effort,
    other(field) {
      const known = domains.get(field);
      if (known !== undefined) return known;
      const domain = domainAt(root, field);
      if (domains.size < maxKept) domains.set(field, domain);
      return domain;
    },
    admits: (context) => violationsWithin(schema, context, witnessWork).length === 0,
    complete: (context, looked) => completed(schema, context, looked),
  };
}

/** Fills in the fields; returns about how many schemas a context is checked against. */
function collect(root: Constraint, fields: Map<string, FieldDomain>): number {
  let effort = effortOf(root, witnessWork);
  const queue = [{ constraint: root, path: '', wholeWay: true }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const name of namesIn(next.constraint)) {
      const field = next.path === '' ? name : `${next.path}.${name}`;
      if (!isAddressable(name) || field.length > limits.fieldChars) continue;
      if (fields.size >= maxFields) return effort;
      const { domain, below, wholeWay } = step(next.constraint, name, next.wholeWay);
      fields.set(field, domain);
      effort = Math.min(witnessWork, effort + effortOf(below, witnessWork));
      if (!admitsType(domain, 'object') || field.split('.').length >= maxNamedDepth) continue;
      queue.push({ constraint: below, path: field, wholeWay });
    }
  }
  return effort;
}

function domainAt(root: Constraint, field: string): FieldDomain {
  let constraint = root;
  let wholeWay = true;
  let domain: FieldDomain = {};
  for (const name of field.split('.')) {
    const next = step(constraint, name, wholeWay);
    ({ domain, wholeWay } = next);
    constraint = next.below;
  }
  return domain;
}

/** Goes from what holds of an object to what holds of one of its fields. */
function step(
  constraint: Constraint,
  name: string,
  wholeWay: boolean,
): { domain: FieldDomain; below: Constraint; wholeWay: boolean } {
  const below = memberOf(constraint, name);
  const shape = shapeOf(below);
  const required = wholeWay && requires(constraint, name);
  const items = shape.kinds & shapeKinds.array ? fieldDomain(shapeOf(elementOf(below)), false) : {};
  const domain = { ...fieldDomain(shape, required), ...(Object.keys(items).length === 0 ? {} : { items }) };
  // Only an object that is there for certain makes the fields within it required.
  return { domain, below, wholeWay: domain.required === true && (shape.kinds & ~objects) === 0 };
}

/** Whether a condition can name a field of this name. */
function isAddressable(name: string): boolean {
  return /^[^\s\p{Cc}<>=!.]+$/u.test(name) && name !== '__proto__' && name !== 'constructor' && name !== 'prototype';
}
