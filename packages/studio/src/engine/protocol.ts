import type {
  Catalog,
  Diagnostic,
  Effect,
  Explanation,
  LintReport,
  Lists,
  PatchOperation,
  RuleInput,
  SemanticDiff,
  SimulationCase,
  SimulationReport,
} from '@policy-studio/engine';

/** What rules are judged by besides themselves. */
export interface Surroundings {
  /** Null: not known, so rules that name a list are left out of what lists decide. */
  readonly lists: Lists | null;
  readonly catalog: Catalog | null;
  readonly catalogMode: 'strict' | 'open';
  readonly defaultEffect: Effect;
  readonly enforceContext: boolean;
}

export interface Source {
  readonly text: string;
  readonly format: 'json' | 'yaml';
}

/** What is wrong with rules that cannot be compiled. */
export interface Faults {
  readonly faults: readonly Diagnostic[];
}

/**
 * The work that is done beside the page. Each task has its input and its answer; both are plain data. Rules travel whole:
 * a message of 10,000 rules takes some 20 ms, away from the page's own thread.
 */
export interface EngineTasks {
  /** Findings about a text (with lines) or about rules. */
  lint: { input: { subject: Source | { rules: readonly unknown[] }; surroundings: Surroundings }; answer: LintReport };
  /** One request, with every candidate rule and condition. */
  explain: {
    input: {
      rules: readonly RuleInput[];
      surroundings: Surroundings;
      request: { agent: string; action: string; context: Readonly<Record<string, unknown>> };
    };
    answer: Explanation | Faults;
  };
  /** What is decided otherwise from one list of rules to another. */
  diff: {
    input: { from: readonly RuleInput[]; to: readonly RuleInput[]; surroundings: Surroundings };
    answer: SemanticDiff | Faults;
  };
  simulate: {
    input: { rules: readonly RuleInput[]; surroundings: Surroundings; cases: readonly SimulationCase[] };
    answer: SimulationReport | Faults;
  };
  /** The rules as a bundle's text, in canonical layout. */
  write: { input: { rules: readonly unknown[]; format: 'json' | 'yaml' }; answer: string };
  /** A text in canonical layout; comments of YAML stay. */
  format: { input: Source; answer: { text: string } | Faults };
  /** A text after edits of its rules; comments, order and layout of the rest stay. */
  patch: { input: Source & { patch: readonly PatchOperation[] }; answer: string };
  /** The rules a text holds. */
  read: { input: Source; answer: { rules: readonly unknown[] } | Faults };
}

export type EngineTask = keyof EngineTasks;
export type EngineInput<T extends EngineTask> = EngineTasks[T]['input'];
export type EngineAnswer<T extends EngineTask> = EngineTasks[T]['answer'];

export interface EngineCall {
  readonly id: number;
  readonly task: EngineTask;
  readonly input: unknown;
}

export type EngineReply =
  | { readonly id: number; readonly answer: unknown; readonly ms: number }
  | { readonly id: number; readonly fault: string };
