import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type CompiledPolicy,
  compile,
  type Diagnostic,
  parseBundleSource,
  type RuleInput,
} from '@policy-studio/engine';

export interface ExampleBundle {
  /** The file's name without its extension. */
  readonly name: string;
  readonly rules: readonly RuleInput[];
  readonly policy: CompiledPolicy;
}

/** Every bundle of `examples/tool-agents`, by name. Throws with the place of what is wrong in one. */
export function exampleBundles(repositoryRoot: string): ExampleBundle[] {
  const folder = join(repositoryRoot, 'examples', 'tool-agents');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml') && !file.endsWith('.policytest.yaml'))
    .sort()
    .map((file) => readBundle(join(folder, file)));
}

function readBundle(path: string): ExampleBundle {
  const source = parseBundleSource(readFileSync(path, 'utf8'), 'yaml');
  if (Array.isArray(source)) throw new Error(`${path}: ${told(source)}`);
  // `compile` checks each rule against the schema before it relies on its shape.
  const rules = source.rules as readonly RuleInput[];
  // The default effect is the strict one, so that nothing is allowed but by a rule.
  const policy = compile({ rules }, {}, { defaultEffect: 'deny' });
  if (Array.isArray(policy)) throw new Error(`${path}: ${told(policy)}`);
  return { name: basename(path, '.yaml'), rules, policy };
}

function told(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(({ rule_id, message }) => (rule_id === null ? message : `${rule_id}: ${message}`)).join('; ');
}
