import { type Condition, testsOf } from './condition.js';
import type { RuleInput } from './generated/rule.js';
import type { ParsedRule } from './rule.js';

/**
 * Rules found valid before, with what their conditions mean, so that reading nearly the same rules again costs little
 * more than comparing them. It never changes what is read: a rule is known only where it is written exactly alike.
 */
export interface RuleMemory {
  /** The engine's own; by id, the last used last. */
  readonly rules: Map<string, KnownRule>;
  readonly used: { bytes: number };
}

interface KnownRule {
  /** A copy, since callers may change what they handed over. */
  readonly input: unknown;
  readonly parsed: ParsedRule;
  readonly bytes: number;
}

const maxBytes = 64_000_000;

/** A memory to read one set of rules after the other with; it holds about 64 MB at the most. */
export function createRuleMemory(): RuleMemory {
  return { rules: new Map(), used: { bytes: 0 } };
}

/** The rule, when it was found valid before; made of a copy, so what its owner does to the input does not show. */
export function recalledRule({ rules }: RuleMemory, id: string, input: unknown): ParsedRule | null {
  const known = rules.get(id);
  if (known === undefined || !isWrittenAlike(known.input, input)) return null;
  rules.delete(id);
  rules.set(id, known);
  return known.parsed;
}

/** `parsed` makes a valid rule of its input, whose conditions mean `condition`. */
export function rememberRule(
  memory: RuleMemory,
  input: RuleInput,
  condition: Condition,
  parsed: (copy: RuleInput) => ParsedRule,
): void {
  // Patterns are bounded over all rules together, so they are counted each time.
  if (testsOf(condition).some(({ operator }) => operator === 'matches')) return;
  const { rules, used } = memory;
  const { id } = input;
  used.bytes -= rules.get(id)?.bytes ?? 0;
  rules.delete(id);
  const size = { bytes: 0 };
  const copy = copied(input, size) as RuleInput;
  const known = { input: copy, parsed: parsed(copy), bytes: 2 * size.bytes };
  rules.set(id, known);
  used.bytes += known.bytes;
  for (const [oldest, { bytes }] of rules) {
    if (used.bytes <= maxBytes) break;
    rules.delete(oldest);
    used.bytes -= bytes;
  }
}

/** Stricter than equality of JSON: the order of keys counts, and -0 is not 0. The first is a copy, so its depth is bounded. */
function isWrittenAlike(copy: unknown, input: unknown): boolean {
  if (typeof copy !== 'object' || copy === null) return Object.is(copy, input);
  if (typeof input !== 'object' || input === null || Array.isArray(copy) !== Array.isArray(input)) return false;
  if (Array.isArray(copy) && Array.isArray(input)) {
    if (copy.length !== input.length) return false;
    for (let i = 0; i < copy.length; i++) if (!isWrittenAlike(copy[i], input[i])) return false;
    return true;
  }
  const keys = Object.keys(copy);
  const others = Object.keys(input);
  if (keys.length !== others.length) return false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (key !== others[i]) return false;
    if (!isWrittenAlike((copy as Record<string, unknown>)[key], (input as Record<string, unknown>)[key])) return false;
  }
  return true;
}

/** About what a value takes besides its text. */
const bytesPerValue = 16;

function copied(value: unknown, size: { bytes: number }): unknown {
  size.bytes += bytesPerValue + (typeof value === 'string' ? value.length : 0);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((member: unknown) => copied(member, size));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      size.bytes += key.length;
      return [key, copied(member, size)];
    }),
  );
}
