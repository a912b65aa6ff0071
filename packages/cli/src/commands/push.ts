import type { Bundle, Finding } from '@policy-studio/sdk';
import { type PolicyStudioClient, ProblemError } from '@policy-studio/sdk';
import { CommandFailure, exitCodes, unusable } from '../exit-code.js';
import { findingsText, type Shown } from '../findings-text.js';
import type { Terminal } from '../output.js';
import { type RulesFile, readRules } from '../rules-file.js';
import { bundleOfVersion, type KeptBundle } from './bundle-reference.js';

export interface PushOptions {
  readonly version?: string;
  readonly notes?: string;
  readonly update?: boolean;
}

export interface Pushed {
  readonly bundle: Bundle;
  readonly rules: RulesFile;
  /** An existing draft was changed. */
  readonly replaced: boolean;
}

/**
 * Stores the file as a draft. The server judges the rules, so that work in progress is kept; what it refuses is shown
 * at its place in the file.
 */
export async function push(
  client: PolicyStudioClient,
  path: string,
  options: PushOptions,
  terminal: Terminal,
): Promise<Pushed> {
  const rules = await readRules(path, terminal);
  const { source, file } = rules;
  const version = options.version ?? source.version;
  if (version === undefined) throw unusable(`${file.name}: names no version: give --version, such as 1.0.0`);
  const notes = options.notes ?? source.notes;
  const content = {
    // The contract bounds the rules; the server checks each against the schema.
    rules: source.rules as Record<string, unknown>[],
    ...(notes === undefined ? {} : { notes }),
    ...(source.metadata === undefined ? {} : { metadata: source.metadata }),
  };
  try {
    const kept = options.update === true ? await bundleOfVersion(client, version) : null;
    return { bundle: await storeDraft(client, { version, ...content }, kept), rules, replaced: kept !== null };
  } catch (error) {
    throw refusedRules(error, rules, terminal) ?? withHint(error, options);
  }
}

export interface DraftContent {
  readonly version: string;
  readonly rules: Record<string, unknown>[];
  readonly notes?: string;
  readonly metadata?: Record<string, unknown>;
}

/** Creates a draft, or changes the one that is there unless somebody did so since it was read (412 `stale`). */
export function storeDraft(
  client: PolicyStudioClient,
  { version, ...content }: DraftContent,
  kept: KeptBundle | null,
): Promise<Bundle> {
  if (kept === null) return client.bundles.createBundle({ version, ...content });
  const condition = kept.etag === null ? {} : { 'if-match': kept.etag };
  return client.bundles.updateBundle({ id: kept.bundle.id, ...condition, ...content });
}

/** A refusal of the rules as findings in the file; null for any other failure. */
export function refusedRules(error: unknown, { file, source }: RulesFile, terminal: Terminal): CommandFailure | null {
  if (!(error instanceof ProblemError) || error.errors.length === 0) return null;
  // The contract refuses rules that are no list of objects before anybody reads them, and then names only the place.
  const byContract = error.code === 'validation_failed' && error.errors.every(({ path }) => rulePath(path) !== null);
  if (error.code !== 'bundle_rejected' && !byContract) return null;
  const findings = error.errors.map(({ code, path, message }) => {
    const at = rulePath(path);
    const sentence = byContract ? `\`${path}\` ${message}` : message;
    return { code: code ?? error.code, message: sentence, ...(at === null ? {} : (source.locate(at) ?? {})) };
  });
  return new CommandFailure(findingsText(file, findings, terminal.err.style), exitCodes.findings);
}

/** A JSON Pointer into the body as a path into its rules; null when it points elsewhere. */
function rulePath(pointer: string): (string | number)[] | null {
  const [root, first, ...rest] = pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (root !== '' || first !== 'rules') return null;
  return rest.map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part));
}

function withHint(error: unknown, options: PushOptions): unknown {
  if (!(error instanceof ProblemError) || error.code !== 'version_taken' || options.update === true) return error;
  return new CommandFailure(
    `${error.detail} with --version, or replace a draft of this version with --update`,
    exitCodes.server,
  );
}

/** What the server found in the draft, at its place in the file. */
export function pushedFindings({ lint }: Bundle, { source }: RulesFile): Shown[] {
  const located = (finding: Finding): Shown => {
    const { code, message, severity, path } = finding;
    // A finding's path may begin at the bundle or at its rules.
    const at = path[0] === 'rules' ? path.slice(1) : path;
    return { code, message, severity, ...(source.locate(at) ?? {}) };
  };
  return [...lint.errors, ...lint.warnings].map(located);
}
