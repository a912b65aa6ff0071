import type { AnalysisBudget } from '../analysis/analyse.js';
import { type BundleSource, parseBundleSource } from '../bundle.js';
import type { CompiledCatalog } from '../catalog/compiled-catalog.js';
import type { Diagnostic, Path } from '../diagnostic.js';
import type { Effect } from '../generated/rule.js';
import type { Lists } from '../list.js';
import { checks } from './checks.js';
import { type ContextOptions, lintContext } from './context.js';
import type { Finding, LintReport } from './finding.js';
import { type LintMemory, scratchMemory } from './memory.js';
import { findingsOf, reportOn, type Severities } from './report.js';

export interface LintOptions {
  /** The workspace's named lists; null, the default: not known, so rules that name one are left out of the analysis. */
  readonly lists?: Lists | null;
  /** Names of lists that exist besides these, to offer for a name that does not; none unless given. */
  readonly listNames?: readonly string[];
  /** The effect where no rule matches; `deny` unless set. */
  readonly defaultEffect?: Effect;
  /** What rules may name; null, the default: anything. */
  readonly catalog?: CompiledCatalog | null;
  /** `strict`, the default: a name the catalog lacks is an error; `open`: a warning. */
  readonly catalogMode?: 'strict' | 'open';
  /** Whether requests that violate their action's schema are denied, so that they need no rule; true unless set. */
  readonly enforceContext?: boolean;
  /** A severity for a code in place of its own. What the engine refuses stays an error. */
  readonly severities?: Severities;
  /** Bounds of the analysis. */
  readonly budget?: AnalysisBudget;
  /** Of earlier lints: makes one of nearly the same rules cheap and changes no report. */
  readonly memory?: LintMemory;
}

/**
 * Everything to say about rules, whatever the value: what is no rule is a finding. Findings are in the order of the
 * rules, with `line` the rule's index and `column` 0. Rules that are broken hide nothing about those that are sound.
 * Pure and never throws; the same rules and options always give the same report.
 */
export function lint(rules: unknown, options: LintOptions = {}): LintReport {
  return reportFor(rules, options, null, []);
}

/** As `lint`, of a bundle document, with line and column in its text. What does not parse is an `invalid-source`. */
export function lintSource(text: string, format: 'json' | 'yaml', options: LintOptions = {}): LintReport {
  const source = parseBundleSource(text, format);
  if (Array.isArray(source)) return reportFor([], options, null, source);
  return reportFor(source.rules, options, source, []);
}

function reportFor(
  rules: unknown,
  options: LintOptions,
  source: BundleSource | null,
  sourceFaults: readonly Diagnostic[],
): LintReport {
  const context = lintContext(rules, contextOptions(options), sourceFaults, source?.rounded?.());
  const findings: Finding[] = [];
  for (const check of checks) findings.push(...findingsOf(check, context, findings, options.severities ?? {}));
  const locate = source === null ? null : (path: Path) => source.locate(path);
  return reportOn(findings, context, Array.isArray(rules) ? rules.length : 0, locate);
}

function contextOptions(options: LintOptions): ContextOptions {
  return {
    lists: options.lists ?? null,
    listNames: options.listNames ?? [],
    defaultEffect: options.defaultEffect ?? 'deny',
    catalog: options.catalog ?? null,
    catalogMode: options.catalogMode ?? 'strict',
    enforceContext: options.enforceContext ?? true,
    budget: options.budget ?? {},
    memory: options.memory ?? scratchMemory(),
  };
}
