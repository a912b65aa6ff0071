import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { canonicalJson, sameJson } from '../canonical.js';
import { readJson } from '../source-json.js';
import { readYaml } from '../source-yaml.js';
import { pairOf, readDocument, writeOutAliases } from './yaml-document.js';

/**
 * The text of a document changed so that it reads as `value`. In YAML the comments, order and spelling of whatever stays
 * the same stay too: entries of objects by their key, elements of arrays by their name (`id`, `action`, `agent`) or, where
 * they have none, by their value. A text that reads as `value` already is answered as it is; one that cannot be read, or
 * no text, is written anew.
 */
export function rewriteSource(text: string, format: 'json' | 'yaml', value: unknown): string {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const rest = text.slice(mark.length);
  const read = format === 'json' ? readJson(rest) : readYaml(rest);
  if (Array.isArray(read)) return format === 'json' ? jsonText(value) : yamlText(value);
  if (sameJson(read.value, value)) return text;
  if (format === 'json') return mark + jsonText(inOrderOf(read.value, value));
  const written = rewrittenYaml(rest, value);
  return mark + (rest.includes('\r\n') ? written.replaceAll(/\r?\n/g, '\r\n') : written);
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function yamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0, flowCollectionPadding: false, aliasDuplicateObjects: false });
}

/** Aliases may be in the way of a change, which would then show in two places; whether it was right is seen by reading again. */
function rewrittenYaml(text: string, value: unknown): string {
  for (const prepare of [() => {}, writeOutAliases]) {
    const document = readDocument(text);
    prepare(document);
    document.contents = reconciled(document, document.contents, value) as typeof document.contents;
    const written = printedLike(text, document);
    const again = readYaml(written);
    if (!Array.isArray(again) && sameJson(again.value, value)) return written;
  }
  return yamlText(value);
}

function printedLike(text: string, document: Document): string {
  return document.toString({
    lineWidth: 0,
    indent: 2,
    flowCollectionPadding: /[[{] \S/.test(text),
    indentSeq: !/^[^\s#-].*:[ \t]*(#.*)?\r?\n- /m.test(text),
  });
}

/** The node as it has to be to read as `value`: itself where it can stay. */
function reconciled(document: Document, node: unknown, value: unknown): unknown {
  if (isAlias(node)) {
    const target = node.resolve(document);
    return target !== undefined && sameJson(target.toJS(document), value) ? node : newNode(document, value);
  }
  if (isMap(node) && isRecord(value)) return reconciledMap(document, node, value);
  if (isSeq(node) && Array.isArray(value)) return reconciledSeq(document, node, value);
  return isScalar(node) && node.value === value ? node : commented(node, newNode(document, value));
}

function reconciledMap(document: Document, map: YAMLMap, value: Readonly<Record<string, unknown>>): YAMLMap {
  map.items = map.items.filter(({ key }) => isScalar(key) && Object.hasOwn(value, String(key.value)));
  for (const [key, wanted] of Object.entries(value)) {
    const pair = pairOf(map, key);
    if (pair === undefined) map.items.push(document.createPair(key, wanted) as never);
    else pair.value = reconciled(document, pair.value, wanted);
  }
  return map;
}

function reconciledSeq(document: Document, seq: YAMLSeq, value: readonly unknown[]): YAMLSeq {
  const there = new Map<string, unknown[]>();
  for (const item of seq.items) {
    const node = isPair(item) ? null : item;
    const read = (node as Node | null)?.toJS(document) as unknown;
    const same = there.get(identity(read));
    if (same === undefined) there.set(identity(read), [node]);
    else same.push(node);
  }
  const [first] = seq.items;
  const [wantedFirst] = value;
  const stays = isNode(first) && value.length > 0 && identity(first.toJS(document)) === identity(wantedFirst);
  // What stands above the first element is read as said of all of them; it goes where that element goes.
  if (isNode(first) && !stays && seq.commentBefore != null) {
    first.commentBefore = [seq.commentBefore, first.commentBefore].filter((text) => text != null).join('\n');
    delete seq.commentBefore;
  }
  seq.items = value.map((wanted) => {
    const node = there.get(identity(wanted))?.shift();
    return node == null ? newNode(document, wanted) : reconciled(document, node, wanted);
  });
  return seq;
}

const names = ['id', 'action', 'agent'] as const;

/** What tells an element of an array from the others. A rule has an agent and an action too, but an id before these. */
function identity(value: unknown): string {
  if (isRecord(value)) {
    const name = names.find((key) => typeof value[key] === 'string');
    if (name !== undefined) return `${name} ${String(value[name])}`;
  }
  return canonicalJson(value);
}

function newNode(document: Document, value: unknown): Node {
  return document.createNode(value, { aliasDuplicateObjects: false });
}

function commented(from: unknown, to: Node): Node {
  if (isMap(from) || isSeq(from) || isScalar(from)) {
    if (from.commentBefore != null) to.commentBefore = from.commentBefore;
    if (from.comment != null) to.comment = from.comment;
  }
  return to;
}

/** The keys in the order in which they stood, new ones after these. */
function inOrderOf(before: unknown, value: unknown): unknown {
  if (Array.isArray(value)) {
    const there = new Map(Array.isArray(before) ? before.map((item) => [identity(item), item]) : []);
    return value.map((item) => inOrderOf(there.get(identity(item)), item));
  }
  if (!isRecord(value) || !isRecord(before)) return value;
  const keys = [...new Set([...Object.keys(before).filter((key) => Object.hasOwn(value, key)), ...Object.keys(value)])];
  return Object.fromEntries(keys.map((key) => [key, inOrderOf(before[key], value[key])]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
