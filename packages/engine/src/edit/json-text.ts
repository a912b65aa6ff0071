import { type Node, parseTree } from 'jsonc-parser';
import type { PatchOperation } from '../lint/finding.js';
import { indexIn, misfit, pointerOf } from './patch.js';

/** A bundle's text taken apart at its rules, so that an edit costs as much as the rule it changes. */
interface RuleTexts {
  readonly before: string;
  readonly rules: RuleText[];
  /** What stands between the last rule and the end of the list, and all after it. */
  readonly gap: string;
  readonly after: string;
}

/** A rule and the white space between it and what stands before. */
interface RuleText {
  readonly lead: string;
  readonly text: string;
}

interface Layout {
  readonly indent: string;
  readonly newline: string;
}

/** The text after the patch; whatever the patch does not touch stays as it is written. The text must be a bundle. */
export function patchJson(text: string, patch: readonly PatchOperation[]): string {
  const layout = { indent: /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ', newline: text.includes('\r\n') ? '\r\n' : '\n' };
  const parts = takenApart(text);
  for (const operation of patch) patchRules(parts, pointerOf(operation.path), operation, layout);
  const { before, rules, gap, after } = parts;
  return `${before}[${rules.map((rule) => rule.lead + rule.text).join(',')}${rules.length > 0 ? gap : ''}]${after}`;
}

function takenApart(text: string): RuleTexts {
  const root = parseTree(text) as Node;
  const list = root.type === 'array' ? root : (memberOf(root, 'rules')?.children?.[1] as Node);
  const inside = list.children ?? [];
  return {
    before: text.slice(0, list.offset),
    rules: inside.map((node, i) => ({ lead: leadOf(text, list, i), text: text.slice(node.offset, endOf(node)) })),
    gap: inside.length === 0 ? '' : text.slice(endOf(inside.at(-1) as Node), endOf(list) - 1),
    after: text.slice(endOf(list)),
  };
}

function patchRules(
  { rules }: RuleTexts,
  [part, ...rest]: readonly string[],
  operation: PatchOperation,
  layout: Layout,
): void {
  if (part === undefined) throw misfit(operation.path, 'it takes the place of all rules');
  if (rest.length > 0) {
    const place = indexIn(rules.length, part, { ...operation, op: 'remove' });
    const { lead, text } = rules[place] as RuleText;
    rules[place] = { lead, text: patched(text, rest, operation, { ...layout, base: lastLine(lead) }) };
    return;
  }
  const place = indexIn(rules.length, part, operation);
  if (operation.op === 'remove') {
    const [removed] = rules.splice(place, 1);
    const next = rules[place];
    if (place === 0 && next !== undefined) rules[0] = { lead: (removed as RuleText).lead, text: next.text };
    return;
  }
  const lead = rules[place]?.lead ?? rules.at(-1)?.lead ?? layout.newline + layout.indent.repeat(2);
  const text = written(operation.value, lead, layout);
  if (operation.op === 'replace') rules[place] = { lead, text };
  else rules.splice(place, 0, { lead, text });
}

/** One operation on the text of one value. `base` is the white space its first line begins with. */
function patched(
  text: string,
  pointer: readonly string[],
  operation: PatchOperation,
  layout: Layout & { base: string },
): string {
  let container = parseTree(text) as Node;
  for (const part of pointer.slice(0, -1)) container = childAt(container, part, operation);
  const last = pointer.at(-1) as string;
  if (container.type !== 'object' && container.type !== 'array')
    throw misfit(operation.path, `nothing can hold \`${last}\``);
  const members = container.children ?? [];
  const isObject = container.type === 'object';
  const found = isObject
    ? members.findIndex((member) => member.children?.[0]?.value === last)
    : indexIn(members.length, last, operation);
  if (isObject && found === -1 && operation.op !== 'add') throw misfit(operation.path, `there is no \`${last}\``);
  if (operation.op === 'remove') return withoutMember(text, container, found);
  const isNew = operation.op === 'add' && (!isObject || found === -1);
  const lead = leadOf(text, container, isNew ? members.length - 1 : found);
  if (!isNew) {
    const node = (isObject ? members[found]?.children?.[1] : members[found]) as Node;
    return text.slice(0, node.offset) + written(operation.value, lead, layout) + text.slice(endOf(node));
  }
  const key = isObject ? `${JSON.stringify(last)}: ` : '';
  if (members.length === 0) {
    const { base } = layout;
    const around = text.slice(0, container.offset).includes('\n') ? indentAt(text, container.offset) : base;
    const inner = text.includes('\n') ? layout.newline + around + layout.indent : '';
    const content =
      inner + key + written(operation.value, inner, layout) + (inner === '' ? '' : layout.newline + around);
    return text.slice(0, container.offset + 1) + content + text.slice(endOf(container) - 1);
  }
  const content = key + written(operation.value, lead, layout);
  if (isObject || found === members.length) {
    const end = endOf(members.at(-1) as Node);
    return `${text.slice(0, end)},${lead === '' ? ' ' : lead}${content}${text.slice(end)}`;
  }
  const start = (members[found] as Node).offset;
  return `${text.slice(0, start)}${content},${lead === '' ? ' ' : lead}${text.slice(start)}`;
}

function withoutMember(text: string, container: Node, place: number): string {
  const members = container.children ?? [];
  const member = members[place] as Node;
  const previous = members[place - 1];
  const next = members[place + 1];
  if (previous !== undefined) return text.slice(0, endOf(previous)) + text.slice(endOf(member));
  if (next !== undefined) return text.slice(0, member.offset) + text.slice(next.offset);
  return text.slice(0, container.offset + 1) + text.slice(endOf(container) - 1);
}

/** The white space before a member: what follows the bracket, or the comma before it. */
function leadOf(text: string, container: Node, place: number): string {
  const member = container.children?.[place];
  if (member === undefined) return '';
  return /\s*$/.exec(text.slice(container.offset + 1, member.offset))?.[0] ?? '';
}

/** A value over several lines where its place begins a line, else on one. */
function written(value: unknown, lead: string, { indent, newline }: Layout): string {
  if (!lead.includes('\n')) return onOneLine(value);
  return JSON.stringify(value, null, indent).replaceAll('\n', newline + lastLine(lead));
}

function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inside]) => `${JSON.stringify(key)}: ${onOneLine(inside)}`);
  return `{${entries.join(', ')}}`;
}

function childAt(node: Node, part: string, operation: PatchOperation): Node {
  const child =
    node.type === 'array'
      ? node.children?.[indexIn(node.children.length, part, { ...operation, op: 'remove' })]
      : memberOf(node, part)?.children?.[1];
  if (child === undefined) throw misfit(operation.path, `there is no \`${part}\``);
  return child;
}

function memberOf(node: Node, key: string): Node | undefined {
  if (node.type !== 'object') return undefined;
  return node.children?.find((member) => member.children?.[0]?.value === key);
}

function endOf(node: Node): number {
  return node.offset + node.length;
}

function lastLine(lead: string): string {
  return lead.slice(lead.lastIndexOf('\n') + 1);
}

function indentAt(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  return /^\s*/.exec(line)?.[0] ?? '';
}
