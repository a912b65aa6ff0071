import { type Finding, jsonPointer, type LintResult, type ProblemItem } from '@policy-studio/contract';
import { compile, type Diagnostic, type Lists, limits, parseRules, type RuleInput } from '@policy-studio/engine';
import { type Refusal, refuse } from '../../refusal.js';

/** Findings kept of one severity; a last one says how many more there are. */
const kept = 1000;
/** Faults told in one refusal. */
const told = 100;

/**
 * Everything to say about rules of sound structure, with the named lists as they stand. Errors keep a bundle from being
 * activated, nothing else does. In the order of the rules, at most 1,000 of a severity.
 */
export function findings(rules: readonly unknown[], lists: Lists): LintResult {
  const errors = compileFaults(rules as readonly RuleInput[], lists).map(ofDiagnostic);
  const warnings: Finding[] = [];
  for (const [index, rule] of rules.entries()) {
    const { id, reason } = rule as RuleInput;
    const length = [...(reason ?? '').trim()].length;
    if (length >= 10) continue;
    const finding = { code: 'missing-reason', rule_id: id, path: [index, 'reason'] } as const;
    if (length === 0) {
      const message = `\`${id}\` gives no reason; the agent and the log show it, so add one`;
      errors.push({ ...finding, path: [...finding.path], severity: 'error', message });
    } else {
      const message = `the reason of \`${id}\` is shorter than 10 characters; say more`;
      warnings.push({ ...finding, path: [...finding.path], severity: 'warning', message });
    }
  }
  return { errors: cut(inRuleOrder(errors)), warnings: cut(warnings), info: [] };
}

/** A fault in one rule's conditions hides no missing list of another. */
function compileFaults(rules: readonly RuleInput[], lists: Lists): Diagnostic[] {
  const compiled = compile({ rules }, lists);
  if (!Array.isArray(compiled)) return [];
  const faulty = new Set(compiled.map(({ path }) => path[0]));
  const sound = [...rules.keys()].filter((index) => !faulty.has(index));
  const rest = compile({ rules: sound.map((index) => rules[index] as RuleInput) }, lists);
  if (!Array.isArray(rest)) return compiled;
  return [
    ...compiled,
    ...rest.map((fault) => ({ ...fault, path: [sound[fault.path[0] as number] as number, ...fault.path.slice(1)] })),
  ];
}

function ofDiagnostic({ code, rule_id, message, path }: Diagnostic): Finding {
  return { code, rule_id, severity: 'error', message, path: [...path] };
}

function inRuleOrder(found: Finding[]): Finding[] {
  const rule = ({ path }: Finding): number => (typeof path[0] === 'number' ? path[0] : -1);
  return found.sort((a, b) => rule(a) - rule(b));
}

function cut(found: Finding[]): Finding[] {
  if (found.length <= kept) return found;
  const rest = found.length - kept;
  const { severity } = found[0] as Finding;
  const message = `and ${rest} more findings, which show when these are dealt with`;
  return [...found.slice(0, kept), { code: 'more-findings', rule_id: null, severity, message, path: [] }];
}

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

/** The refusal to save these rules, or null when they can be saved. */
export function rulesRejected(rules: readonly unknown[]): Refusal | null {
  const faults = structuralFaults(rules);
  const [first] = faults;
  if (!first) return null;
  const items = faults.slice(0, told).map(({ code, path, message }) => problemItem(code, path, message));
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  return refuse('bundle_rejected', `\`${items[0]?.path}\`: ${first.message}${more}`, items);
}

/** The refusal to bring a bundle with these errors into force. */
export function bundleInvalid(bundle: string, errors: readonly Finding[]): Refusal {
  const items = errors.slice(0, told).map(({ code, path, message }) => problemItem(code, path, message));
  const count = errors.length === 1 ? 'an error' : `${errors.length} errors`;
  return refuse('bundle_invalid', `${bundle} has ${count}; the first: ${errors[0]?.message}`, items);
}

/** `path` leads from the rules; the pointer from the bundle. */
function problemItem(code: string, path: readonly (string | number)[], message: string): ProblemItem {
  return { code, path: jsonPointer(['rules', ...path]), message };
}
