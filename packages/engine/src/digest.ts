import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson } from './canonical.js';
import { formatCondition } from './format-condition.js';
import type { RuleInput } from './generated/rule.js';
import { parseRuleSet } from './rule.js';

/** The version of what a digest covers. */
export const bundleFormat = '1.0';

/**
 * The digest of a bundle, 64 lower-case hex digits: SHA-256 of the RFC 8785 form of `{format, rules}`, rules sorted by
 * id, defaults filled in, conditions in canonical spelling. Throws when a rule is invalid: parse first.
 */
export function bundleDigest(rules: readonly RuleInput[]): string {
  const parsed = parseRuleSet(rules, Number.POSITIVE_INFINITY);
  if ('diagnostics' in parsed) {
    throw new Error(`only a valid bundle has a digest: ${parsed.diagnostics[0]?.message ?? ''}`);
  }
  const canonical = parsed.rules
    .map(({ rule, condition }) => ({ ...rule, conditions: formatCondition(condition) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return sha256Hex(canonicalJson({ format: bundleFormat, rules: canonical }));
}

/** SHA-256 of the text's UTF-8 bytes, 64 lower-case hex digits. */
export function sha256Hex(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}
