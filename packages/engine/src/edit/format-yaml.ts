import { type Document, isMap, isNode, isScalar, isSeq, type Node, type Pair, visit, YAMLMap } from 'yaml';
import { bundleKeys } from '../bundle.js';
import type { Condition } from '../condition.js';
import type { Diagnostic } from '../diagnostic.js';
import { formatCondition } from '../format-condition.js';
import { limits } from '../limits.js';
import { createConditionParser } from '../parse-condition.js';
import { limitError } from '../source.js';
import { budgetKeys, inlineChars, ruleKeys } from './canonical-layout.js';
import { type Comments, commentsOf, joined, leftOver, takeComments } from './condition-comments.js';
import { pairOf, printDocument, readDocument, rulesIn, writeOutAliases } from './yaml-document.js';

/** The canonical text of a bundle whose rules are valid; what is wrong when its aliases come to too much. */
export function formatYaml(text: string): string | Diagnostic[] {
  const document = readDocument(text);
  if (aliasedChars(document) > limits.yamlBytes) {
    return [limitError('what the aliases stand for is too much to write out: write the values yourself', null)];
  }
  writeOutAliases(document);
  const root = document.contents;
  if (isMap(root)) {
    root.flow = false;
    const [first] = root.items;
    sortPairs(root, bundleKeys);
    if (root.items[0] !== first && isNode(first?.key)) {
      // What the text begins with is about the bundle.
      document.commentBefore = joined(document.commentBefore, first.key.commentBefore);
      first.key.commentBefore = null;
    }
  }
  const rules = rulesIn(document);
  if (rules !== null && rules.items.length > 0) rules.flow = false;
  const parse = createConditionParser();
  for (const rule of rules?.items ?? []) if (isMap(rule)) formatRule(document, rule, parse);
  return printDocument(document);
}

function aliasedChars(document: Document): number {
  let chars = 0;
  visit(document, {
    Alias: (_key, alias) => {
      const [start = 0, end = 0] = alias.resolve(document)?.range ?? [];
      chars += end - start;
    },
  });
  return chars;
}

type ConditionParser = (value: unknown) => Condition | Diagnostic[];

function formatRule(document: Document, rule: YAMLMap, parse: ConditionParser): void {
  rule.flow = false;
  const conditions = pairOf(rule, 'conditions');
  if (conditions !== undefined && isMap(conditions.value)) {
    const condition = parse(conditions.value.toJS(document));
    if (Array.isArray(condition)) throw new Error('the rules were valid when they were parsed');
    const comments = commentsOf(document, conditions.value, parse);
    const node = conditionNode(document, formatCondition(condition), comments);
    node.comment = conditions.value.comment ?? null;
    conditions.value = node;
    const rest = leftOver(comments);
    if (rest !== null && isNode(conditions.key))
      conditions.key.commentBefore = joined(conditions.key.commentBefore, rest);
  }
  const budget = pairOf(rule, 'budget')?.value;
  if (isMap(budget)) sortPairs(budget, budgetKeys);
  sortPairs(rule, ruleKeys);
  raiseFirstComment(rule);
}

function sortPairs(map: YAMLMap, order: readonly string[]): void {
  const place = (pair: Pair) => order.indexOf(isScalar(pair.key) ? String(pair.key.value) : '');
  const [first] = map.items;
  map.items.sort((a, b) => place(a) - place(b));
  if (map.items[0] === first) return;
  // A blank line belongs between entries, wherever they have gone.
  for (const pair of map.items) if (isNode(pair.key) && pair.key.spaceBefore === true) pair.key.spaceBefore = false;
}

/** A comment above a mapping's first entry is printed, and read again, as one above the mapping. */
function raiseFirstComment(map: YAMLMap): void {
  const key = map.items[0]?.key;
  if (!isNode(key)) return;
  key.spaceBefore = false;
  if (key.commentBefore == null) return;
  map.commentBefore = joined(map.commentBefore, key.commentBefore);
  key.commentBefore = null;
}

function conditionNode(document: Document, object: Record<string, unknown>, comments: Comments): YAMLMap {
  const map = new YAMLMap(document.schema);
  for (const [key, value] of Object.entries(object)) {
    const pair = document.createPair<Node, Node>(key, value);
    pair.value = valueNode(document, key, value, comments);
    const { above, beside } = takeComments(comments, { [key]: value });
    const isBelow =
      isMap(pair.value) || (isSeq(pair.value) && pair.value.flow !== true) || beside?.includes('\n') === true;
    const keyComment = isBelow ? joined(above, beside) : above;
    if (keyComment !== null) pair.key.commentBefore = keyComment;
    if (!isBelow && beside !== null) pair.value.comment = beside;
    map.items.push(pair);
  }
  raiseFirstComment(map);
  return map;
}

function valueNode(document: Document, key: string, value: unknown, comments: Comments): Node {
  if (key === 'not') return conditionNode(document, value as Record<string, unknown>, comments);
  const node = document.createNode(value) as Node;
  if (!isSeq(node) || !Array.isArray(value)) return node;
  if (key === 'all' || key === 'any') {
    node.items = value.map((child: Record<string, unknown>) => {
      const item = conditionNode(document, child, comments);
      const { above, beside } = takeComments(comments, child);
      item.commentBefore = joined(above, joined(item.commentBefore, beside));
      return item;
    });
    return node;
  }
  let isCommented = false;
  for (const item of node.items) {
    if (!isScalar(item)) continue;
    const { above, beside } = takeComments(comments, { [key]: [item.value] }, true);
    if (above !== null) item.commentBefore = above;
    if (beside !== null) item.comment = beside;
    isCommented ||= above !== null || beside !== null;
  }
  node.flow = !isCommented && JSON.stringify(value).length <= inlineChars;
  return node;
}
