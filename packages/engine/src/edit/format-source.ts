import { type BundleSource, bundleKeys, parseBundleSource } from '../bundle.js';
import { sameJson } from '../canonical.js';
import type { Diagnostic } from '../diagnostic.js';
import { formatCondition } from '../format-condition.js';
import { limits } from '../limits.js';
import { type ParsedRule, parseRuleSet } from '../rule.js';
import { budgetKeys, inlineChars, ruleKeys } from './canonical-layout.js';
import { formatYaml } from './format-yaml.js';

/**
 * A bundle's text as everybody writes it: conditions in canonical spelling, keys in the order of the schema, two spaces,
 * rules in the order given. YAML keeps its comments; aliases are written out. The digest stays, and formatting twice
 * changes nothing more. Returns what is wrong (with positions) when the text is no bundle of valid rules.
 */
export function formatSource(text: string, format: 'json' | 'yaml'): string | Diagnostic[] {
  const source = parseBundleSource(text, format);
  if (Array.isArray(source)) return source;
  const parsed = parseRuleSet(source.rules, limits.rules);
  if ('diagnostics' in parsed) {
    return parsed.diagnostics.map((problem) => ({ ...problem, ...source.locate(problem.path) }));
  }
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const formatted =
    format === 'json' ? `${jsonText(orderedBundle(withoutMark, parsed.rules), '')}\n` : formatYaml(withoutMark);
  if (typeof formatted === 'string' && !meansTheSame(formatted, format, source, parsed.rules)) {
    throw new Error('formatting changed what the bundle says');
  }
  return formatted;
}

/** A policy file is overwritten with the result, so this is checked every time and not in tests alone. */
function meansTheSame(
  text: string,
  format: 'json' | 'yaml',
  before: BundleSource,
  rules: readonly ParsedRule[],
): boolean {
  const after = parseBundleSource(text, format);
  if (Array.isArray(after)) return false;
  const parsed = parseRuleSet(after.rules, limits.rules);
  if ('diagnostics' in parsed || parsed.rules.length !== rules.length) return false;
  const head = ({ version, notes, metadata }: BundleSource) => [version, notes, metadata];
  return (
    sameJson(head(before), head(after)) &&
    rules.every(({ rule, condition }, i) => {
      const other = parsed.rules[i] as ParsedRule;
      return (
        sameJson(other.condition, condition) && sameJson({ ...other.rule, conditions: 0 }, { ...rule, conditions: 0 })
      );
    })
  );
}

function orderedBundle(text: string, parsed: readonly ParsedRule[]): unknown {
  const document = JSON.parse(text) as { rules: Record<string, unknown>[] } | Record<string, unknown>[];
  const rules = (Array.isArray(document) ? document : document.rules).map((rule, i) => {
    const conditions = formatCondition((parsed[i] as ParsedRule).condition);
    return orderedRule(Object.hasOwn(rule, 'conditions') ? { ...rule, conditions } : rule);
  });
  return Array.isArray(document) ? rules : ordered({ ...document, rules }, bundleKeys);
}

function orderedRule(rule: Record<string, unknown>): Record<string, unknown> {
  const { budget } = rule;
  const inOrder =
    budget === undefined ? rule : { ...rule, budget: ordered(budget as Record<string, unknown>, budgetKeys) };
  return ordered(inOrder, ruleKeys);
}

function ordered(object: Readonly<Record<string, unknown>>, order: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(order.filter((key) => Object.hasOwn(object, key)).map((key) => [key, object[key]]));
}

function jsonText(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => jsonText(item, inner));
    const line = `[${items.join(', ')}]`;
    const isInline = line.length <= inlineChars && value.every((item) => typeof item !== 'object' || item === null);
    return isInline ? line : `[\n${items.map((item) => inner + item).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value).map(
    ([key, inside]) => `${inner}${JSON.stringify(key)}: ${jsonText(inside, inner)}`,
  );
  return entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n${indent}}`;
}
