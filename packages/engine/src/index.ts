export {
  type Analysis,
  type AnalysisBudget,
  type AnalysisOptions,
  analyse,
  defaultBudget,
  type Overlap,
  type Redundant,
  type RuleOverlaps,
  type Undecided,
  type Unreachable,
  type Witness,
} from './analysis/analyse.js';
export { type Direction, directionOf } from './analysis/direction.js';
export type { ContextTyping, FieldDomain, JsonType } from './analysis/domain.js';
export { type AnalysisMemory, createAnalysisMemory } from './analysis/memory.js';
export type { Pair } from './analysis/pairs.js';
export {
  type SemanticChange,
  type SemanticDiff,
  type SemanticDiffOptions,
  semanticDiff,
  type UndecidedChange,
} from './analysis/semantic-diff.js';
export type { UndecidedReason } from './analysis/solver.js';
export { bucketKey, bucketOf, isCanary } from './bucket.js';
export { type BundleSource, parseBundleSource } from './bundle.js';
export { canonicalJson, sameJson } from './canonical.js';
export type { Catalog, CatalogAction, CatalogAgent, JsonSchema } from './catalog/catalog.js';
export {
  type CatalogCoverage,
  type CompiledCatalog,
  catalogLimits,
  compileCatalog,
  type SchemaMemory,
} from './catalog/compiled-catalog.js';
export { defaultCatalog } from './catalog/default-catalog.js';
export { actionsFromMcp, type McpImport, mcpLimits, type RefusedTool } from './catalog/mcp.js';
export { parseCatalog } from './catalog/parse-catalog.js';
export { type ContextFault, contextFault, unknownTo } from './catalog/request-check.js';
export {
  type ContextSchema,
  parseContextSchema,
  type SchemaNode,
  type SchemaType,
  schemaLimits,
} from './catalog/schema.js';
export { redact, redactedValue, type SensitivePath, sensitivePaths } from './catalog/sensitive.js';
export { typingOf } from './catalog/typing.js';
export { type ContextViolation, validateContext, validationLimits } from './catalog/validate.js';
export { type CompiledPolicy, type CompileOptions, compareRules, compile, listsUsed, warm } from './compile.js';
export {
  type AllOf,
  type AnyOf,
  type Comparison,
  type Condition,
  comparisons,
  fieldsOf,
  type Not,
  type Operand,
  type Operator,
  type Scalar,
  type Test,
  testsOf,
  type WordOperator,
  wordOperators,
} from './condition.js';
export { type DecisionRequest, decide, type PolicyDecision } from './decide.js';
export { type Diagnostic, type DiagnosticCode, hint, nearest, type Path } from './diagnostic.js';
export { bundleDigest, bundleFormat, sha256Hex } from './digest.js';
export { formatSource } from './edit/format-source.js';
export { applyPatch, combinePatches } from './edit/patch.js';
export { patchSource } from './edit/patch-source.js';
export { rewriteSource } from './edit/rewrite-source.js';
export { type CandidateTrace, type Explanation, explain, type TestResult, type TraceNode } from './explain.js';
export {
  type ClockFacts,
  clockFacts,
  clockIn,
  type FactDefinition,
  facts,
  isFact,
  isTimeZone,
  withoutFacts,
} from './facts.js';
export { formatCondition } from './format-condition.js';
export type { Budget, Effect, Risk, Rule, RuleInput } from './generated/rule.js';
export { ruleSchema } from './generated/rule-schema.js';
export { limits } from './limits.js';
export { fixedCodes, type LintCode, lintCodes } from './lint/check.js';
export {
  type Finding,
  type LintReport,
  type PatchOperation,
  type Severity,
  type Suggestion,
  type SuppressedFinding,
  severities,
} from './lint/finding.js';
export { createLintMemory, type LintMemory } from './lint/memory.js';
export { type LintOptions, lint, lintSource } from './lint/run.js';
export { type Lists, type NamedList, type Normalize, normalized } from './list.js';
export { canonicalValues, listDigest } from './list-digest.js';
export {
  type BundlePin,
  bundlePinned,
  contextInvalid,
  type Overlay,
  observed,
  overlaid,
  type Pin,
  pinAt,
  pinned,
  policyErrors,
  safely,
} from './overlay.js';
export { parseCondition } from './parse-condition.js';
export type { EvaluationError } from './plan.js';
export type { WarmUp } from './policy-index.js';
export { parseRules } from './rule.js';
export { canonicalRule, type ModifiedRule, type RuleChanges, ruleChanges } from './rule-changes.js';
export {
  type ApprovalForecast,
  type ApprovalForecaster,
  createApprovalForecaster,
} from './simulate/approval-forecast.js';
export { type CaseOutcome, type CaseResult, caseLimits, caseOutcomes, type SimulationCase } from './simulate/case.js';
export {
  type CaseChange,
  type CaseComparison,
  type ComparisonOptions,
  type ComparisonReport,
  compareOn,
  createComparison,
  type Transitions,
} from './simulate/compare.js';
export type { CaseFailure } from './simulate/failure.js';
export { fixtures } from './simulate/fixtures.js';
export { type MutantKind, mutantKinds } from './simulate/mutants.js';
export {
  createMutationRun,
  type MutationOptions,
  type MutationReport,
  type MutationRun,
  mutationCoverage,
  type Survivor,
} from './simulate/mutate.js';
export { type CaseFormat, type CaseSource, parseCaseList, parseCases } from './simulate/parse-cases.js';
export { type CaseTally, type PreparedCases, prepareCases, tallyCases } from './simulate/prepared.js';
export type { RuleCoverage, RuleHits } from './simulate/rule-coverage.js';
export {
  type CaseExample,
  createSimulation,
  type Simulation,
  type SimulationOptions,
  type SimulationReport,
  simulate,
} from './simulate/run.js';
export { type PolicySuite, parseSuite } from './simulate/suite.js';
export {
  type BudgetBreach,
  type CaseBudgetLimits,
  defaultBudgetLimits,
  type SimulationSummary,
} from './simulate/summary.js';
export { type SyntheticCatalog, type SyntheticOptions, syntheticCases } from './simulate/synthetic.js';
export type { Position, SourceDocument } from './source.js';
export { readJson } from './source-json.js';
export { readYaml } from './source-yaml.js';
export { type CostLimits, type CostSums, type CostVerdict, costGate, costSums, quantile } from './stats/cost.js';
export { type ChangeDetector, cusum, type DriftDetector, driftDetector, leastBaseline } from './stats/cusum.js';
export { type Counts, type LogEvidence, oddsText, rateEvidence } from './stats/evidence.js';
export { type PairedCounts, pairedDifference, pairedEvidence } from './stats/paired.js';
export { type CappedCounts, cappedCounts } from './stats/principals.js';
export { percent, type RateLimits, type RateVerdict, rateGate, type Verdict } from './stats/rate-gate.js';
export { ratioMismatchEvidence } from './stats/ratio.js';
export { type SinceStart, startWeight } from './stats/starts.js';
