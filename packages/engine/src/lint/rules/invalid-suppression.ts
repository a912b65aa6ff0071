import { nearest, quoted } from '../../diagnostic.js';
import { type Found, fixedCodes, type LintCheck, type LintCode, lintCodes, type WrittenRule } from '../check.js';
import { isRecord, rename } from '../edits.js';
import type { Finding } from '../finding.js';
import { nearestLookup } from '../nearest-lookup.js';
import { ignoredBy, isReason, reasonLength } from '../suppression.js';

const maxLookups = 500;
const path = ['metadata', 'lint_ignore'];
const example = '`lint_ignore: { conflict: "the sentence that says why" }`';

export const check: LintCheck = {
  code: 'invalid-suppression',
  severity: 'warning',
  *find({ written }, found) {
    const nearestCodes = nearestLookup(maxLookups, (word) =>
      [nearest(word, lintCodes)].filter((code) => code !== null),
    );
    const errors = new Set(found.filter(({ severity }) => severity === 'error').map(keyOf));
    for (const rule of written) {
      const ignored = ignoredBy(rule.input);
      if (ignored === undefined) continue;
      if (isRecord(ignored)) {
        for (const [code, reason] of Object.entries(ignored))
          yield* entryProblem({ rule, ignored, code, reason, errors, nearestCodes });
        continue;
      }
      yield {
        rule,
        path,
        message: '`metadata.lint_ignore` must be an object of codes with a reason each, so nothing is suppressed',
        suggestion: { message: `write it as ${example}` },
      };
    }
  },
};

function keyOf({ path: [index], code }: Pick<Finding, 'path' | 'code'>): string {
  return `${index} ${code}`;
}

interface Entry {
  readonly rule: WrittenRule;
  readonly ignored: Readonly<Record<string, unknown>>;
  readonly code: string;
  readonly reason: unknown;
  readonly errors: ReadonlySet<string>;
  readonly nearestCodes: (word: string) => readonly string[];
}

function* entryProblem({ rule, ignored, code, reason, errors, nearestCodes }: Entry): Iterable<Found> {
  const place = { rule, path: [...path, code] };
  if (!isLintCode(code)) {
    const [meant] = nearestCodes(code);
    const patch = meant === undefined ? null : rename(ignored, [rule.index, ...path], code, meant);
    yield {
      ...place,
      message: `${quoted(code)} is no lint code, so nothing is suppressed`,
      suggestion:
        patch === null
          ? { message: 'write a code as findings have it, or remove the entry' }
          : { message: `write \`${meant}\``, patch },
    };
  } else if (fixedCodes.has(code) || errors.has(keyOf({ path: [rule.index], code }))) {
    yield {
      ...place,
      message: `\`${code}\` is an error here, and errors cannot be suppressed`,
      suggestion: { message: 'mend what it is about, and remove the entry' },
    };
  } else if (!isReason(reason)) {
    yield {
      ...place,
      message: `\`${code}\` is to be ignored without a reason of at least ${reasonLength} characters, so it is not`,
      suggestion: { message: 'say why it may stand; whoever approves the bundle reads it' },
    };
  }
}

function isLintCode(code: string): code is LintCode {
  return (lintCodes as readonly string[]).includes(code);
}
