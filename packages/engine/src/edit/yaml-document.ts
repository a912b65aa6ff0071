import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { PatchOperation } from '../lint/finding.js';
import { indexIn, misfit, pointerOf } from './patch.js';

/** Reads what `parseBundleSource` has accepted (so depth, keys and aliases are bounded), comments and order kept. */
export function readDocument(text: string): Document {
  return parseDocument(text, {
    version: '1.2',
    schema: 'core',
    resolveKnownTags: false,
    uniqueKeys: false,
    keepSourceTokens: true,
  }) as Document;
}

/** How documents are printed: nothing folded, two spaces. */
export function printDocument(document: Document, padding = false): string {
  return document.toString({ lineWidth: 0, indent: 2, flowCollectionPadding: padding });
}

/** The list of rules in a bundle's document; null when it stands elsewhere, by an alias. */
export function rulesIn(document: Document): YAMLSeq | null {
  const { contents } = document;
  const rules = isMap(contents) ? contents.get('rules', true) : contents;
  return isSeq(rules) ? rules : null;
}

/** Puts a copy of the value in the place of each alias, and takes the anchors away. */
export function writeOutAliases(document: Document): void {
  visit(document, {
    Alias: (_key, alias: Alias) => alias.resolve(document)?.clone() as Node | undefined,
  });
  visit(document, {
    Node: (_key, node) => {
      if (!isAlias(node)) delete (node as { anchor?: string }).anchor;
    },
  });
}

/**
 * Applies one operation that fits to the list of rules (the document's own nodes); false where an alias is in the way,
 * since what it stands for is written elsewhere.
 */
export function patchNodes(document: Document, rules: YAMLSeq, operation: PatchOperation): boolean {
  const pointer = pointerOf(operation.path);
  const last = pointer.pop();
  if (last === undefined) throw misfit(operation.path, 'it takes the place of all rules');
  let holder: unknown = rules;
  for (const part of pointer) {
    if (isAlias(holder)) return false;
    holder = childOf(holder, part, operation);
  }
  if (isAlias(holder)) return false;
  const node = operation.op === 'remove' ? null : document.createNode(operation.value);
  if (isSeq(holder)) {
    const index = indexIn(holder.items.length, last, operation);
    if (operation.op === 'remove') holder.items.splice(index, 1);
    else holder.items.splice(index, operation.op === 'add' ? 0 : 1, node);
  } else if (isMap(holder)) {
    const pair = pairOf(holder, last);
    if (pair === undefined && operation.op !== 'add') throw misfit(operation.path, `there is no \`${last}\``);
    if (operation.op === 'remove') holder.items.splice(holder.items.indexOf(pair as never), 1);
    else if (pair !== undefined) pair.value = node;
    else holder.items.push(document.createPair(last, operation.value) as never);
  } else throw misfit(operation.path, `nothing can hold \`${last}\``);
  return true;
}

export function childOf(holder: unknown, part: string, operation: PatchOperation): unknown {
  if (isSeq(holder)) return holder.items[indexIn(holder.items.length, part, { ...operation, op: 'remove' })];
  const pair = isMap(holder) ? pairOf(holder, part) : undefined;
  if (pair === undefined) throw misfit(operation.path, `there is no \`${part}\``);
  return pair.value;
}

export function pairOf(map: YAMLMap, key: string) {
  return map.items.find((pair) => isPair(pair) && isScalar(pair.key) && pair.key.value === key);
}
