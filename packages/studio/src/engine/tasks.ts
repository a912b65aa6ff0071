import {
  type CompiledCatalog,
  type CompiledPolicy,
  compile,
  compileCatalog,
  createLintMemory,
  explain,
  formatSource,
  lint,
  lintSource,
  parseBundleSource,
  patchSource,
  semanticDiff,
  simulate,
} from '@policy-studio/engine';
import { stringify } from 'yaml';
import type { EngineAnswer, EngineInput, EngineTask, Faults, Surroundings } from './protocol.js';

type Tasks = { readonly [T in EngineTask]: (input: EngineInput<T>) => EngineAnswer<T> };

/** The tasks over one memory, which makes a lint of nearly the same rules cheap. */
export function createTasks(): Tasks {
  const memory = createLintMemory();

  const catalogOf = ({ catalog }: Surroundings): CompiledCatalog | null => {
    if (catalog === null) return null;
    const compiled = compileCatalog(catalog);
    return Array.isArray(compiled) ? null : compiled;
  };

  return {
    lint: ({ subject, surroundings }) => {
      const { lists, defaultEffect, catalogMode, enforceContext } = surroundings;
      const options = { lists, defaultEffect, catalogMode, enforceContext, catalog: catalogOf(surroundings), memory };
      return 'text' in subject ? lintSource(subject.text, subject.format, options) : lint(subject.rules, options);
    },
    explain: ({ rules, surroundings, request }) => {
      const policy = compiled(rules, surroundings);
      return 'faults' in policy ? policy : explain(policy, request);
    },
    diff: ({ from, to, surroundings }) => {
      const [before, after] = [compiled(from, surroundings), compiled(to, surroundings)];
      if ('faults' in before) return before;
      if ('faults' in after) return after;
      const catalog = catalogOf(surroundings);
      return semanticDiff(before, after, {
        ...(catalog ? { pairs: catalog.pairs() } : {}),
        ...(catalog && surroundings.enforceContext ? { typing: catalog.typing } : {}),
      });
    },
    simulate: ({ rules, surroundings, cases }) => {
      const policy = compiled(rules, surroundings);
      return 'faults' in policy ? policy : simulate(policy, cases);
    },
    write: ({ rules, format }) => {
      const text =
        format === 'json' ? `${JSON.stringify({ rules }, null, 2)}\n` : stringify({ rules }, { lineWidth: 0 });
      const formatted = formatSource(text, format);
      // Rules that do not parse are shown as they are.
      return typeof formatted === 'string' ? formatted : text;
    },
    format: ({ text, format }) => {
      const formatted = formatSource(text, format);
      return typeof formatted === 'string' ? { text: formatted } : { faults: formatted };
    },
    patch: ({ text, format, patch }) => patchSource(text, format, patch),
    read: ({ text, format }) => {
      const source = parseBundleSource(text, format);
      return Array.isArray(source) ? { faults: source } : { rules: source.rules as readonly unknown[] };
    },
  };
}

function compiled(
  rules: EngineInput<'explain'>['rules'],
  { lists, defaultEffect }: Surroundings,
): CompiledPolicy | Faults {
  const policy = compile({ rules }, lists ?? {}, { defaultEffect });
  return Array.isArray(policy) ? { faults: policy } : policy;
}
