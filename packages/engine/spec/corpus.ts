/** Loads the corpus of decision cases (`corpus/*.json`, described in `corpus/README.md`). */
import { readdirSync, readFileSync } from 'node:fs';
import type { Finding } from './check.js';
import type { Decision, Effect, NamedList, Request } from './decide.js';

interface CaseBundle {
  readonly name: string;
  readonly rules: readonly unknown[];
  readonly lists?: Readonly<Record<string, NamedList>>;
  readonly default_effect?: Effect;
}

/** The members of `expected` that are present must equal those of the decision. */
export interface DecisionCase extends CaseBundle {
  readonly request: Request;
  readonly expected: Pick<Decision, 'effect' | 'matched_rule'> & Partial<Decision>;
}

/** The bundle is refused; every `path` is the beginning of a diagnostic's path. */
export interface RefusalCase extends CaseBundle {
  readonly expected: { readonly diagnostics: readonly Finding[] };
}

export interface CorpusFile {
  readonly topic: string;
  readonly description: string;
  readonly cases: readonly (DecisionCase | RefusalCase)[];
}

export function isDecisionCase(corpusCase: DecisionCase | RefusalCase): corpusCase is DecisionCase {
  return 'request' in corpusCase;
}

/** Every corpus file, by name; a case's name is unique within its topic. */
export function loadCorpus(): CorpusFile[] {
  const folder = new URL('./corpus/', import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
}
