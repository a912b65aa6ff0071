import { type Document, isMap, isNode, isPair, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { canonicalJson } from '../canonical.js';
import type { Condition } from '../condition.js';
import type { Diagnostic } from '../diagnostic.js';
import { formatCondition } from '../format-condition.js';

/** The comments of a condition as written, by the canonical spelling of what each is about. */
export type Comments = Map<string, Comment[]>;

export interface Comment {
  readonly above: string | null;
  readonly beside: string | null;
}

type ConditionParser = (value: unknown) => Condition | Diagnostic[];

const none: Comment = { above: null, beside: null };

/** All comments inside a condition's node, apart from the one at its end. The condition must be valid. */
export function commentsOf(document: Document, conditions: YAMLMap, parse: ConditionParser): Comments {
  const found: Comments = new Map();
  if (!hasComments(conditions)) return found;
  collect({ document, parse, found }, conditions);
  return found;
}

/** The first comments not yet taken about this entry (or, `isMember`, about the literal in its list). */
export function takeComments(comments: Comments, entry: Record<string, unknown>, isMember = false): Comment {
  if (comments.size === 0) return none;
  return comments.get(keyOf(entry, isMember))?.shift() ?? none;
}

/** Comments about what the canonical spelling has no place for. */
export function leftOver(comments: Comments): string | null {
  let text: string | null = null;
  for (const each of comments.values()) {
    for (const { above, beside } of each) text = joined(text, joined(above, beside));
  }
  return text;
}

export function joined(first: string | null | undefined, second: string | null | undefined): string | null {
  if (first == null) return second ?? null;
  return second == null ? first : `${first}\n${second}`;
}

interface Collection {
  readonly document: Document;
  readonly parse: ConditionParser;
  readonly found: Comments;
}

function collect(collection: Collection, map: YAMLMap): void {
  let above = map.commentBefore ?? null;
  for (const pair of map.items) {
    const key = pair.key as Node & { value: string };
    const value = pair.value as Node | null;
    const entry = { [key.value]: value === null ? null : value.toJS(collection.document) } as Record<string, unknown>;
    const isObject = isMap(value);
    const beside = joined(key.comment, value?.comment);
    above = joined(above, key.commentBefore);
    note(collection, entry, { above: isObject || isSeq(value) ? above : joined(above, value?.commentBefore), beside });
    above = null;
    if (isObject && key.value.trim() === 'not') collect(collection, value);
    else if (isSeq(value)) collectItems(collection, key.value, value);
    else if (isObject) noteAll(collection, entry, value);
  }
}

function collectItems(
  collection: Collection,
  key: string,
  list: { items: unknown[]; commentBefore?: string | null },
): void {
  let above = list.commentBefore ?? null;
  for (const item of list.items) {
    if (isMap(item)) {
      const entry = item.toJS(collection.document) as Record<string, unknown>;
      const [first] = item.items;
      const before = item.commentBefore;
      // Read as a comment above the mapping, meant for the object as a whole or for its first entry: the object's.
      note(collection, entry, { above: joined(above, before), beside: item.comment ?? null });
      item.commentBefore = null;
      if (first !== undefined) collect(collection, item);
    } else if (isScalar(item)) {
      const comment = { above: joined(above, item.commentBefore), beside: item.comment ?? null };
      note(collection, { [key]: [item.value] }, comment, true);
    }
    above = null;
  }
}

/** Comments inside `{field: ...}` and `{list: ...}` are about the entry. */
function noteAll(collection: Collection, entry: Record<string, unknown>, value: YAMLMap): void {
  for (const pair of value.items) {
    if (!isPair(pair)) continue;
    for (const node of [pair.key, pair.value]) {
      if (isNode(node)) note(collection, entry, { above: joined(node.commentBefore, node.comment), beside: null });
    }
  }
  note(collection, entry, { above: value.commentBefore ?? null, beside: null });
}

function note({ parse, found }: Collection, entry: Record<string, unknown>, comment: Comment, isMember = false): void {
  if (comment.above === null && comment.beside === null) return;
  const condition = parse(entry);
  const spelled = Array.isArray(condition) ? entry : formatCondition(condition);
  const key = keyOf(spelled, isMember);
  found.set(key, [...(found.get(key) ?? []), comment]);
}

function keyOf(entry: Record<string, unknown>, isMember: boolean): string {
  return `${isMember ? 'member ' : ''}${canonicalJson(entry)}`;
}

function hasComments(node: unknown): boolean {
  if (isPair(node)) return hasComments(node.key) || hasComments(node.value);
  if (!isNode(node)) return false;
  if (node.comment != null || node.commentBefore != null) return true;
  return (isMap(node) || isSeq(node)) && node.items.some(hasComments);
}
