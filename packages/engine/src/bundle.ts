import { type Diagnostic, hint, type Path, quoted } from './diagnostic.js';
import { bundleFormat } from './digest.js';
import { limits } from './limits.js';
import { longerThan } from './parse-condition.js';
import type { RoundedNumber } from './rounded-number.js';
import { limitError, type Position, type SourceDocument, sourceError } from './source.js';
import { readJson } from './source-json.js';
import { readYaml } from './source-yaml.js';

/** A bundle document as written. The rules are not checked yet: hand them to `parseRules`. */
export interface BundleSource {
  version?: string;
  notes?: string;
  metadata?: Record<string, unknown>;
  rules: readonly unknown[];
  /** Where the value at a path of `parseRules` (`[index, 'conditions', ...]`) stands, or the nearest one around it; 1-based. */
  locate(path: Path): Position | null;
  /** The numbers in the rules that are read as others, by such paths; looked for when asked. Absent: there is no text. */
  rounded?(): readonly RoundedNumber[];
}

/** In the order they are written. */
export const bundleKeys: readonly string[] = ['version', 'notes', 'metadata', 'format', 'rules'];

/**
 * Reads a bundle document: a list of rules, or `{version?, notes?, metadata?, format?, rules}`. Duplicate and unknown
 * keys are errors. Diagnostics carry line and column where the document has one. Never throws.
 */
export function parseBundleSource(text: string, format: 'json' | 'yaml'): BundleSource | Diagnostic[] {
  const bytes = format === 'json' ? limits.sourceBytes : limits.yamlBytes;
  if (longerThan(text, bytes)) {
    const instead = format === 'json' ? 'split the bundle' : 'write it as JSON, or split the bundle';
    const name = format === 'json' ? 'JSON' : 'YAML';
    return [limitError(`a ${name} document has at most ${bytes / 1024 / 1024} MiB: ${instead}`, null)];
  }
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const document = format === 'json' ? readJson(withoutMark) : readYaml(withoutMark);
  return Array.isArray(document) ? document : bundleOf(document);
}

function bundleOf(document: SourceDocument): BundleSource | Diagnostic[] {
  const { value } = document;
  if (Array.isArray(value))
    return { rules: value, locate: (path) => document.locate(path), rounded: () => document.rounded() };
  if (typeof value !== 'object' || value === null) {
    const message = 'a bundle is a list of rules, or an object with `rules`';
    return [sourceError(message, document.locate([]))];
  }
  const bundle = value as Record<string, unknown>;
  const found: Diagnostic[] = [];
  // Finding the place of a key looks at its siblings, so without the bound many keys would take time by their square.
  const report = (message: string, path: Path) => {
    if (found.length < limits.diagnostics) found.push(sourceError(message, document.locate(path), path));
  };

  for (const key of Object.keys(bundle)) {
    if (!bundleKeys.includes(key)) report(`unknown key ${quoted(key)}${hint(key, bundleKeys) || ': remove it'}`, [key]);
  }
  const { version, notes, metadata, rules } = bundle;
  if (!Array.isArray(rules)) {
    if (Object.hasOwn(bundle, 'rules')) report('`rules` must be a list of rules', ['rules']);
    else report('the bundle has no `rules`: add the list', []);
  }
  if (version !== undefined && typeof version !== 'string') report('`version` must be a string: quote it', ['version']);
  if (notes !== undefined && typeof notes !== 'string') report('`notes` must be a string', ['notes']);
  if (typeof notes === 'string' && notes.length > limits.notesChars) {
    report(`\`notes\` must have at most ${limits.notesChars} characters: shorten them`, ['notes']);
  }
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))) {
    report('`metadata` must be an object', ['metadata']);
  }
  if (bundle.format !== undefined && bundle.format !== bundleFormat) {
    report(`\`format\` must be the string \`"${bundleFormat}"\``, ['format']);
  }
  if (found.length > 0) return found;
  return {
    ...(version === undefined ? {} : { version: version as string }),
    ...(notes === undefined ? {} : { notes: notes as string }),
    ...(metadata === undefined ? {} : { metadata: metadata as Record<string, unknown> }),
    rules: rules as readonly unknown[],
    locate: (path) => document.locate(['rules', ...path]),
    rounded: () =>
      document.rounded().flatMap((each) => (each.path[0] === 'rules' ? [{ ...each, path: each.path.slice(1) }] : [])),
  };
}
