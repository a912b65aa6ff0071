import type { Diagnostic, Path } from '../diagnostic.js';
import type { Position } from '../source.js';
import type { Found, LintCode, LintContext } from './check.js';
import type { Suggestion } from './finding.js';

/** What an edit for a fault is made from: the rule as written, the path from it and the whole path. */
export interface FaultPlace {
  readonly rule: Readonly<Record<string, unknown>>;
  readonly inRule: Path;
  readonly path: Path;
}

/** The faults of one code that the engine refuses rules for, each with an edit that mends it where there is one. */
export function* faultsOf(
  { faults, written }: LintContext,
  code: LintCode,
  mend: (place: FaultPlace) => Suggestion | null = () => null,
): Iterable<Found> {
  const rules = new Map(written.map((rule) => [rule.index, rule]));
  for (const fault of faults) {
    if (fault.code !== code) continue;
    const [index, ...inRule] = fault.path;
    if (typeof index !== 'number') {
      yield { rule: null, message: fault.message, ...positionOf(fault) };
      continue;
    }
    const rule = rules.get(index);
    const suggestion = rule === undefined ? null : mend({ rule: rule.input, inRule, path: fault.path });
    const id = fault.rule_id ?? rule?.id ?? null;
    yield { rule: { index, id }, path: inRule, message: fault.message, suggestion, ...positionOf(fault) };
  }
}

function positionOf({ line, column }: Diagnostic): { position?: Position } {
  return line === undefined || column === undefined ? {} : { position: { line, column } };
}
