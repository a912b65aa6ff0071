import type { LintCheck } from './check.js';
import { check as ambiguousTie } from './rules/ambiguous-tie.js';
import { check as budgetSanity } from './rules/budget-sanity.js';
import { check as conflict } from './rules/conflict.js';
import { check as disabledRule } from './rules/disabled-rule.js';
import { check as duplicateId } from './rules/duplicate-id.js';
import { check as evadable } from './rules/evadable.js';
import { check as invalidCondition } from './rules/invalid-condition.js';
import { check as invalidRule } from './rules/invalid-rule.js';
import { check as invalidSource } from './rules/invalid-source.js';
import { check as invalidSuppression } from './rules/invalid-suppression.js';
import { check as limitExceeded } from './rules/limit-exceeded.js';
import { check as missingReason } from './rules/missing-reason.js';
import { check as mistypedComparison } from './rules/mistyped-comparison.js';
import { check as neverMatches } from './rules/never-matches.js';
import { check as redundant } from './rules/redundant.js';
import { check as roundedNumber } from './rules/rounded-number.js';
import { check as typeMismatch } from './rules/type-mismatch.js';
import { check as uncoveredAction } from './rules/uncovered-action.js';
import { check as unknownAction } from './rules/unknown-action.js';
import { check as unknownAgent } from './rules/unknown-agent.js';
import { check as unknownField } from './rules/unknown-field.js';
import { check as unknownList } from './rules/unknown-list.js';
import { check as unreachable } from './rules/unreachable.js';
import { check as wideAllow } from './rules/wide-allow.js';

/** All checks, in the order in which a rule's findings are told. The last one looks at what the others found. */
export const checks: readonly LintCheck[] = [
  invalidSource,
  limitExceeded,
  invalidRule,
  duplicateId,
  invalidCondition,
  missingReason,
  unknownAgent,
  unknownAction,
  roundedNumber,
  mistypedComparison,
  neverMatches,
  unreachable,
  conflict,
  ambiguousTie,
  evadable,
  typeMismatch,
  unknownField,
  wideAllow,
  budgetSanity,
  redundant,
  disabledRule,
  unknownList,
  uncoveredAction,
  invalidSuppression,
];
