import type { Approval, EvaluateRequest } from '@policy-studio/contract';
import type { AskOptions, PolicyStudioClient, Verdict } from './client.js';
import { ProblemError } from './problem-error.js';

export interface ApprovalOptions extends AskOptions {
  /** Milliseconds to wait for people at most (default: until the approval expires). `timeoutMs` is for each call. */
  readonly waitMs?: number;
  /** Called once when people are being asked, with the approval as it is. */
  readonly onWaiting?: (approval: Approval) => void;
}

/** Seconds the server holds one answer back. */
const holdSeconds = 30;
const pauseMs = 500;
const maxRequestId = 128;

/**
 * Asks, waits for people where the answer wants their approval, and asks again with it. See `PolicyStudioClient.evaluateWithApproval`.
 */
export async function evaluateWithApproval(
  client: PolicyStudioClient,
  request: EvaluateRequest,
  options: ApprovalOptions = {},
): Promise<Verdict> {
  const { waitMs = Number.POSITIVE_INFINITY, onWaiting, ...askOptions } = options;
  const first = await client.evaluate(request, askOptions);
  const id = first.effect === 'needs_approval' ? first.decision?.approval?.id : undefined;
  if (id === undefined) return first;
  try {
    const approval = await decided(client, id, { waitMs, onWaiting, callOptions: askOptions });
    if (approval.status !== 'approved') return { ...first, reason: whyNot(approval) };
  } catch (error) {
    if (askOptions.onError === 'throw' || !(error instanceof ProblemError)) throw error;
    return { allowed: false, effect: 'deny', reason: `no decision: ${error.detail}`, decision: null, error };
  }
  // Another question than the first: its request_id would answer as that one did.
  const { request_id: requestId = '', ...same } = request;
  const again = `${requestId}-approval-${id}`;
  // Derived from the first where it fits, so that the whole can be repeated; else the client makes one up.
  const derived = requestId !== '' && again.length <= maxRequestId ? { request_id: again } : {};
  return client.evaluate({ ...same, ...derived, approval_id: id }, askOptions);
}

/** The approval when people have decided, or as it is when the time is over. */
async function decided(
  client: PolicyStudioClient,
  id: number,
  {
    waitMs,
    onWaiting,
    callOptions: { signal, timeoutMs, retries },
  }: {
    readonly waitMs: number;
    readonly onWaiting: ApprovalOptions['onWaiting'] | undefined;
    readonly callOptions: AskOptions;
  },
): Promise<Approval> {
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retries === undefined ? {} : { retries }),
  };
  const end = performance.now() + waitMs;
  let approval = await client.call('getApproval', { id }, options);
  if (approval.status === 'pending') onWaiting?.(approval);
  while (approval.status === 'pending') {
    const leftMs = end - performance.now();
    if (leftMs <= 0) return approval;
    const began = performance.now();
    const wait = Math.min(holdSeconds, Math.ceil(leftMs / 1000));
    approval = await client.call('getApproval', { id, wait }, options);
    // A server where too many wait answers at once.
    const spentMs = performance.now() - began;
    if (approval.status === 'pending' && spentMs < pauseMs) await pause(pauseMs - spentMs, signal);
  }
  return approval;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done);
  });
}

function whyNot({ id, status, votes }: Approval): string {
  const said = votes.find(({ verdict }) => verdict === 'reject');
  if (said) return `approval ${id} was rejected by ${said.by}: ${said.comment}`;
  return status === 'pending' ? `approval ${id} is still waiting for people` : `approval ${id} was ${status}`;
}
