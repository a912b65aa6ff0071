import {
  bundleDigest,
  canonicalJson,
  type Diagnostic,
  limits,
  parseRules,
  type RuleInput,
  sha256Hex,
} from '@policy-studio/engine';

/**
 * What keeps rules from being saved at all: structure, duplicate ids, limits, text that cannot be kept. Conditions that
 * do not parse are no such fault: they are stored with their findings, so that work in progress is never lost.
 */
export function structuralFaults(rules: readonly unknown[]): Diagnostic[] {
  const found = diagnosticsOf(rules);
  const refusing = found.filter(({ code }) => code !== 'invalid-condition');
  if (refusing.length > 0 || found.length < limits.diagnostics) return [...refusing, ...textFaults(rules)];
  // The engine stops at that many findings, and these are all about conditions: look at the rest without them.
  return [...diagnosticsOf(rules.map(withoutConditions)), ...textFaults(rules)];
}

function diagnosticsOf(rules: readonly unknown[]): Diagnostic[] {
  return parseRules(rules).filter((item): item is Diagnostic => 'code' in item && 'path' in item);
}

/** Conditions that are no object stay, for they are a fault of structure. */
function withoutConditions(rule: unknown): unknown {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return rule;
  const { conditions, ...rest } = rule as Record<string, unknown>;
  const isObject = typeof conditions === 'object' && conditions !== null && !Array.isArray(conditions);
  return isObject || conditions === undefined ? rest : rule;
}

/** PostgreSQL keeps no U+0000 in text, and reasons and field names end up in text. */
function textFaults(rules: readonly unknown[]): Diagnostic[] {
  return rules.flatMap((rule, index): Diagnostic[] => {
    if (!holdsNul(rule)) return [];
    const message = 'the rule holds the character U+0000: remove it';
    return [{ code: 'invalid-rule', message, rule_id: null, path: [index] }];
  });
}

/** Whether a key or a string in a JSON value holds U+0000. The nesting of bodies is bounded. */
export function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\u0000');
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsNul);
  return Object.entries(value).some(([key, member]) => key.includes('\u0000') || holdsNul(member));
}

/**
 * The digest of the rules. A draft with conditions that do not parse has no canonical form; its digest is the SHA-256 of
 * the RFC 8785 form of the rules as they are written, an array, so it is never that of a valid bundle.
 */
export function digestOf(rules: readonly Record<string, unknown>[]): string {
  try {
    return bundleDigest(rules as unknown as readonly RuleInput[]);
  } catch {
    return sha256Hex(canonicalJson(rules));
  }
}
