import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  stringify,
  type YAMLSeq,
} from 'yaml';
import { parseBundleSource } from '../bundle.js';
import { sameJson } from '../canonical.js';
import type { PatchOperation } from '../lint/finding.js';
import { applyPatch, indexIn, misfit, pointerOf } from './patch.js';
import { childOf, pairOf, patchNodes, printDocument, readDocument, rulesIn, writeOutAliases } from './yaml-document.js';

/**
 * The text after the patch, comments kept. Lines are edited where that is safe; where it is not, the rule is printed
 * anew, or the document, in the end with its aliases written out. Whether it was safe is seen by reading the text again.
 */
export function patchYaml(text: string, rules: readonly unknown[], patch: readonly PatchOperation[]): string {
  const wanted = applyPatch(rules, patch);
  const isRight = (edited: string | null): edited is string => {
    if (edited === null) return false;
    const source = parseBundleSource(edited, 'yaml');
    return !Array.isArray(source) && sameJson(source.rules, wanted);
  };
  const byLines = patchLines(text, patch);
  if (isRight(byLines)) return byLines;
  const printed = patchDocument(readDocument(text), patch);
  if (isRight(printed)) return printed;
  const document = readDocument(text);
  writeOutAliases(document);
  return patchDocument(document, patch) ?? text;
}

function patchDocument(document: Document, patch: readonly PatchOperation[]): string | null {
  const rules = rulesIn(document);
  if (rules === null) return null;
  return patch.every((operation) => patchNodes(document, rules, operation)) ? printDocument(document) : null;
}

/** Null where the layout is not the usual one, a dash and a rule below each other. */
function patchLines(text: string, patch: readonly PatchOperation[]): string | null {
  const parts = takenApart(text);
  if (parts === null) return null;
  for (const operation of patch) {
    const [part = '', ...rest] = pointerOf(operation.path);
    if (part === '') throw misfit(operation.path, 'it takes the place of all rules');
    if (rest.length > 0) {
      const place = indexIn(parts.rules.length, part, { ...operation, op: 'remove' });
      const edited = patchRule(parts.rules[place] as string, rest, operation, parts.column);
      if (edited === null) return null;
      parts.rules[place] = edited;
      continue;
    }
    const place = indexIn(parts.rules.length, part, operation);
    const removed = operation.op === 'add' ? '' : afterRule(parts.rules[place] as string);
    if (removed === null) return null;
    const rule = operation.op === 'remove' ? removed : ruleText(operation.value, parts.column) + removed;
    parts.rules.splice(place, operation.op === 'add' ? 0 : 1, ...(rule === '' ? [] : [rule]));
  }
  return parts.rules.length === 0 ? null : parts.before + parts.rules.join('');
}

interface RuleLines {
  readonly before: string;
  /** The lines of each rule: comments right above it, the rule, and what stands before the next; the last holds the rest. */
  readonly rules: string[];
  /** Of the dashes. */
  readonly column: number;
}

function takenApart(text: string): RuleLines | null {
  const document = readDocument(text);
  const list = rulesIn(document);
  const token = list?.srcToken;
  if (list === null || token?.type !== 'block-seq' || list.items.length === 0) return null;
  if (list.anchor !== undefined) return null;
  const starts: number[] = [];
  for (const { start } of token.items) {
    const dash = start.find(({ type }) => type === 'seq-item-ind');
    // An empty item at the end holds comments alone.
    if (dash === undefined) continue;
    const line = lineStart(text, dash.offset);
    if (text.slice(line, dash.offset).trim() !== '') return null;
    starts.push(commentsAbove(text, line, dash.offset - line));
  }
  if (starts.length !== list.items.length) return null;
  const closed = text.endsWith('\n') ? text : `${text}\n`;
  return {
    before: closed.slice(0, starts[0]),
    rules: starts.map((start, i) => closed.slice(start, starts[i + 1])),
    column: token.indent,
  };
}

/** Where the comment lines begin that stand right above the line, as far to the right; not those the document begins with. */
function commentsAbove(text: string, line: number, column: number): number {
  let start = line;
  while (start > 0) {
    const above = lineStart(text, start - 1);
    const content = text.slice(above, start);
    if (!content.trimStart().startsWith('#') || content.length - content.trimStart().length !== column) break;
    start = above;
  }
  return start === 0 ? line : start;
}

/** What stays of a rule's lines when it goes: the comments that stand apart below it. Null: not to be told. */
function afterRule(lines: string): string | null {
  const rule = theRule(lines);
  if (rule === null) return null;
  const rest = lines.slice(lineEnd(lines, contentEnd(lines, rule)));
  return rest.trim() === '' ? '' : rest;
}

function theRule(lines: string): ParsedNode | null {
  const document = readDocument(lines);
  if (document.errors.length > 0 || !isSeq(document.contents)) return null;
  const [rule] = document.contents.items;
  return (rule ?? null) as ParsedNode | null;
}

function patchRule(
  lines: string,
  pointer: readonly string[],
  operation: PatchOperation,
  column: number,
): string | null {
  const rule = theRule(lines);
  if (rule === null) return null;
  let holder: unknown = rule;
  for (const part of pointer.slice(0, -1)) {
    if (isAlias(holder)) return null;
    holder = childOf(holder, part, operation);
  }
  return (
    patchPair(lines, holder, pointer.at(-1) as string, operation) ?? printedRule(lines, pointer, operation, column)
  );
}

/** Edits the lines of one entry of a block mapping; null where the entry has no lines of its own. */
function patchPair(lines: string, holder: unknown, key: string, operation: PatchOperation): string | null {
  if (!isMap(holder) || holder.items.length === 0) return null;
  const pair = pairOf(holder, key);
  if (pair === undefined && operation.op !== 'add') throw misfit(operation.path, `there is no \`${key}\``);
  const value = pair?.value as Node | null | undefined;
  if (operation.op !== 'remove' && isScalar(value) && isPlainScalar(operation.value) && isOneLine(lines, value)) {
    const [start = 0, end = 0] = value.range ?? [];
    return lines.slice(0, start) + scalarText(operation.value, holder.flow === true) + lines.slice(end);
  }
  if (holder.flow === true) return null;
  const column = columnOf(lines, holder.items[0]?.key as Node);
  if (operation.op === 'remove') {
    if (holder.items.length === 1) return null;
    const place = placeOf(lines, pair?.key as Node, value);
    if (place === null) return null;
    return lines.slice(0, commentsAbove(lines, place.start, column)) + lines.slice(place.end);
  }
  const written = entryText(key, operation.value, column);
  if (pair === undefined) {
    const last = holder.items.at(-1);
    const end = lineEnd(lines, contentEnd(lines, (last?.value ?? last?.key) as Node));
    return lines.slice(0, end) + written + lines.slice(end);
  }
  const place = placeOf(lines, pair.key as Node, value);
  return place === null ? null : lines.slice(0, place.start) + written + lines.slice(place.end);
}

/** The lines of an entry; null when its key does not begin a line. */
function placeOf(lines: string, key: Node, value: Node | null | undefined): { start: number; end: number } | null {
  const start = lineStart(lines, startOf(key));
  if (lines.slice(start, startOf(key)).trim() !== '') return null;
  return { start, end: lineEnd(lines, contentEnd(lines, value ?? key)) };
}

function printedRule(
  lines: string,
  pointer: readonly string[],
  operation: PatchOperation,
  column: number,
): string | null {
  const document = readDocument(lines);
  const path = `/0/${pointer.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;
  const isDone = patchNodes(document, document.contents as unknown as YAMLSeq, { ...operation, path });
  return isDone ? indented(printDocument(document, /[[{] \S/.test(lines)), column) : null;
}

function ruleText(rule: unknown, column: number): string {
  return indented(stringify([rule], { lineWidth: 0, flowCollectionPadding: false }), column);
}

function entryText(key: string, value: unknown, column: number): string {
  return indented(
    stringify(Object.fromEntries([[key, value]]), { lineWidth: 0, flowCollectionPadding: false }),
    column,
  );
}

function indented(text: string, column: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(column));
}

function isPlainScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function scalarText(value: unknown, isInFlow: boolean): string {
  const isQuoted = typeof value === 'string' && (isInFlow ? !/^\w+$/.test(value) : value.includes('\n'));
  return isQuoted ? JSON.stringify(value) : stringify(value, { lineWidth: 0 }).trimEnd();
}

function isOneLine(text: string, { range }: Node): boolean {
  return range != null && !text.slice(range[0], range[1]).includes('\n');
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function contentEnd(text: string, node: Node): number {
  const [start, end] = node.range ?? [0, 0];
  return start + text.slice(start, end).trimEnd().length;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** Where the next line begins. */
function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end + 1;
}

function columnOf(text: string, node: Node): number {
  return startOf(node) - lineStart(text, startOf(node));
}
