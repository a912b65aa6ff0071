import { parseBundleSource } from '../bundle.js';
import type { PatchOperation } from '../lint/finding.js';
import { patchJson } from './json-text.js';
import { patchYaml } from './yaml-text.js';

/**
 * The bundle's text after a patch of its rules, whose operations apply one after the other. Comments, order, spelling and
 * layout of what the patch does not touch stay (in YAML, where a text is unusual, it may be printed anew). Reading the
 * result gives what `applyPatch` makes of the rules read. Throws when the text is no bundle or the patch does not fit it.
 */
export function patchSource(text: string, format: 'json' | 'yaml', patch: readonly PatchOperation[]): string {
  const source = parseBundleSource(text, format);
  if (Array.isArray(source)) throw new Error(`only a bundle can be patched: ${source[0]?.message ?? ''}`);
  if (patch.length === 0) return text;
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const rest = text.slice(mark.length);
  if (format === 'json') return mark + patchJson(rest, patch);
  const patched = patchYaml(rest, source.rules, patch);
  // YAML reads all line ends alike, within values too.
  return mark + (rest.includes('\r\n') ? patched.replaceAll(/\r?\n/g, '\r\n') : patched);
}
