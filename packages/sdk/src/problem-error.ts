import type { Problem, ProblemCode, ProblemItem } from '@policy-studio/contract';

/** Problems that arise on this side of the wire; their `status` is 0 unless an answer was read. */
export const clientProblems = {
  network_error: 'The server cannot be reached',
  timeout: 'No answer in time',
  aborted: 'The call was given up by its caller',
  http_error: 'An answer that is no problem document',
  invalid_answer: 'An answer that cannot be understood',
  answer_too_large: 'An answer larger than this client reads',
  invalid_input: 'The call cannot be sent as it is',
  snapshot_mismatch: 'The snapshot does not hold what it says',
} as const;
export type ClientProblemCode = keyof typeof clientProblems;

/** Codes of the contract, of this client, and whatever a newer server may add. */
export type ProblemErrorCode = ProblemCode | ClientProblemCode | (string & Record<never, never>);

export interface ProblemErrorInit {
  readonly code: ProblemErrorCode;
  readonly detail: string;
  readonly status?: number;
  readonly title?: string;
  readonly errors?: readonly ProblemItem[];
  readonly requestId?: string | null;
  readonly url?: string | null;
  readonly retryAfterMs?: number | null;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The one error this package throws: a problem answered by the server, or one met on the way there.
 *
 * `code` is for programs, `message` (the problem's `detail`) for people. `status` is the HTTP status, 0 when no answer was
 * read. `errors` names each wrong place. `requestId` finds the answer in the server's log. `extra` holds the members a
 * problem carries beside the standard ones.
 */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemErrorCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly ProblemItem[];
  readonly requestId: string | null;
  readonly url: string | null;
  /** How long the server asked to be left alone, milliseconds. */
  readonly retryAfterMs: number | null;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(init: ProblemErrorInit) {
    super(init.detail, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.status = init.status ?? 0;
    this.title = init.title ?? titleOf(init.code);
    this.detail = init.detail;
    this.errors = init.errors ?? [];
    this.requestId = init.requestId ?? null;
    this.url = init.url ?? null;
    this.retryAfterMs = init.retryAfterMs ?? null;
    this.extra = init.extra ?? {};
  }

  /** The problem as a document, as a server would send it; the cause stays out. */
  toJSON(): Record<string, unknown> {
    return {
      ...this.extra,
      title: this.title,
      status: this.status,
      detail: this.detail,
      code: this.code,
      errors: this.errors,
      ...(this.requestId === null ? {} : { request_id: this.requestId }),
    };
  }
}

function titleOf(code: string): string {
  return code in clientProblems ? clientProblems[code as ClientProblemCode] : 'The request was refused';
}

const standardMembers = new Set(['type', 'title', 'status', 'detail', 'code', 'errors', 'request_id']);

/** The error of a problem document; null when `body` is none. Unknown members land in `extra`. */
export function fromProblem(body: unknown, status: number, url: string, retryAfterMs: number | null) {
  if (!isProblem(body)) return null;
  const extra = Object.fromEntries(Object.entries(body).filter(([name]) => !standardMembers.has(name)));
  return new ProblemError({
    code: body.code,
    detail: body.detail,
    status,
    title: typeof body.title === 'string' ? body.title : titleOf(body.code),
    errors: Array.isArray(body.errors) ? body.errors.filter(isProblemItem) : [],
    requestId: typeof body.request_id === 'string' ? body.request_id : null,
    url,
    retryAfterMs,
    extra,
  });
}

function isProblem(body: unknown): body is Pick<Problem, 'code' | 'detail'> & Partial<Record<string, unknown>> {
  return isRecord(body) && typeof body.code === 'string' && typeof body.detail === 'string';
}

function isProblemItem(item: unknown): item is ProblemItem {
  return isRecord(item) && typeof item.path === 'string' && typeof item.message === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
