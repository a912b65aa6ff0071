import type { Diagnostic } from '../diagnostic.js';
import { type SchemaNode, schemaLimits } from './schema.js';

/** The schemas that apply to the same value as this one does. */
export function inPlaceOf(node: SchemaNode): readonly SchemaNode[] {
  const { ref, allOf = [], anyOf = [], oneOf = [], not, condition, object } = node;
  const found = [...allOf, ...anyOf, ...oneOf, ...(object?.dependentSchemas.values() ?? [])];
  for (const each of [ref, not, condition?.if, condition?.then, condition?.else]) {
    if (each !== undefined) found.push(each);
  }
  return found;
}

/**
 * A schema that applies itself to the same value again, which no value could ever settle, or through too many others;
 * null when there is none.
 */
export function inPlaceProblem(nodes: readonly SchemaNode[]): Diagnostic | null {
  const depths = new Map<SchemaNode, number>();
  for (const root of nodes) {
    const open: { node: SchemaNode; rest: SchemaNode[]; depth: number }[] = [];
    const entered = new Set<SchemaNode>();
    const enter = (node: SchemaNode) => {
      open.push({ node, rest: [...inPlaceOf(node)], depth: 1 });
      entered.add(node);
    };
    if (!depths.has(root)) enter(root);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const next = top.rest.pop();
      if (next === undefined) {
        open.pop();
        entered.delete(top.node);
        depths.set(top.node, top.depth);
        const above = open.at(-1);
        if (above !== undefined) above.depth = Math.max(above.depth, top.depth + 1);
        if (top.depth > schemaLimits.inPlaceDepth) return tooDeep(top.node);
        continue;
      }
      const known = depths.get(next);
      if (known !== undefined) top.depth = Math.max(top.depth, known + 1);
      else if (entered.has(next)) return circular(top.node);
      else enter(next);
    }
  }
  return null;
}

function circular({ place }: SchemaNode): Diagnostic {
  const message = 'the schema applies itself to the same value again, without going deeper into it: break the circle';
  return { code: 'invalid-schema', message, rule_id: null, path: place };
}

function tooDeep({ place }: SchemaNode): Diagnostic {
  const message = `more than ${schemaLimits.inPlaceDepth} schemas apply to one value, one through the other: flatten them`;
  return { code: 'limit-exceeded', message, rule_id: null, path: place };
}
