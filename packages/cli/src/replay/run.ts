import { type CompiledPolicy, type DecisionRequest, decide, type PolicyDecision } from '@policy-studio/engine';
import { requestFault } from '@policy-studio/sdk';
import { jsonReason } from '../input.js';
import { eachLine, unpacked } from './lines.js';

/** One recorded request, as it was decided. */
export interface ReplayedCall {
  /** Its line in the input, from 1. */
  readonly line: number;
  /** The recording's own name for it, if it has one. */
  readonly caseId: string | null;
  readonly request: DecisionRequest;
  /** The whole line as it was parsed, with what no rule sees (`labels`). */
  readonly entry: Readonly<Record<string, unknown>>;
}

export interface LineNote {
  readonly line: number;
  readonly message: string;
}

/** Lines with something about them: how many, and the first 20. */
export interface LineNotes {
  readonly count: number;
  readonly first: readonly LineNote[];
}

export interface ReplayTotals {
  /** Lines read, empty ones included. */
  readonly lines: number;
  /** Requests decided. */
  readonly calls: number;
  /** Lines that are no request: not decided. */
  readonly bad: LineNotes;
  /** Requests that a server would refuse (422), such as one with a name outside the grammar: decided all the same. */
  readonly refusable: LineNotes;
}

export interface ReplayOptions {
  /** Told of the bytes read from the input, before unpacking. */
  readonly onBytes?: (bytes: number) => void;
}

const notesKept = 20;
/** 16 MiB: what a batch of requests may weigh on the wire. */
const lineChars = 16 * 1024 * 1024;

/**
 * Decides every recorded request of `input` with each policy and hands over the decisions, in the order of the policies.
 *
 * `input` is JSON, one request a line: `{agent, action, context, case_id?, labels?, ...}`, plain or gzip. The facts are
 * those that the recording holds: no clock is asked, so that the same input gives the same decisions. Lines that are no request
 * are counted and skipped; empty lines are skipped. A request that only a server would refuse is decided, since the agent
 * did ask, and counted apart. Memory does not grow with the input.
 * Rejects with what reading the input throws (a truncated gzip: an error with the code `Z_BUF_ERROR`).
 *
 * ```ts
 * await replayRequests(createReadStream('calls.jsonl.gz'), [policy], ({ entry }, [decision]) => {
 *   tally(entry.labels, decision.effect);
 * });
 * ```
 */
export async function replayRequests<const Policies extends readonly CompiledPolicy[]>(
  input: AsyncIterable<Uint8Array>,
  policies: Policies,
  onDecision: (call: ReplayedCall, decisions: { readonly [K in keyof Policies]: PolicyDecision }) => void,
  options: ReplayOptions = {},
): Promise<ReplayTotals> {
  const bad = lineNotes();
  const refusable = lineNotes();
  let calls = 0;
  const lines = await eachLine(unpacked(input, options.onBytes), lineChars, (text, line) => {
    if (text === null) return bad.add(line, 'the line is longer than 16 MiB');
    if (text.trim() === '') return;
    const entry = parseEntry(text);
    if (typeof entry === 'string') return bad.add(line, entry);
    // A UTF-16 unit takes at most three bytes of UTF-8.
    const fault = requestFault(entry, text.length * 3);
    if (fault !== null) refusable.add(line, fault.message);
    calls += 1;
    const { agent, action, context, case_id } = entry;
    const request = { agent, action, context };
    const caseId = typeof case_id === 'string' || typeof case_id === 'number' ? String(case_id) : null;
    const decisions = policies.map((policy) => decide(policy, request));
    onDecision(
      { line, caseId, request, entry },
      decisions as unknown as { readonly [K in keyof Policies]: PolicyDecision },
    );
  });
  return { lines, calls, bad: bad.notes(), refusable: refusable.notes() };
}

function lineNotes(): { add(line: number, message: string): void; notes(): LineNotes } {
  const first: LineNote[] = [];
  let count = 0;
  return {
    add: (line, message) => {
      count += 1;
      if (first.length < notesKept) first.push({ line, message });
    },
    notes: () => ({ count, first }),
  };
}

type Entry = DecisionRequest & Readonly<Record<string, unknown>>;

/** The request of a line with all else it holds, or why it is none. */
function parseEntry(text: string): Entry | string {
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch (error) {
    return jsonReason(error as SyntaxError);
  }
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return 'not a request: an object with `agent`, `action` and `context`';
  }
  const { agent, action, context } = entry as Partial<Record<string, unknown>>;
  if (typeof agent !== 'string' || agent === '') return '`agent` is missing or no text';
  if (typeof action !== 'string' || action === '') return '`action` is missing or no text';
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    return '`context` is missing or no object';
  }
  return entry as Entry;
}
