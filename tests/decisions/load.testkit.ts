import { setTimeout as sleep } from 'node:timers/promises';
import type { Decision } from '@policy-studio/contract';
import { adminToken } from './policy-server.testkit.js';

export interface Load {
  /** Decisions that were answered, by id. */
  readonly acknowledged: ReadonlyMap<string, Decision>;
  /** Decisions answered for each request id, in the order the answers came. */
  readonly byRequestId: ReadonlyMap<string, readonly string[]>;
  /** Answers that were neither decisions nor refusals of a server that stops, is overloaded or lost its database. */
  readonly strange: readonly string[];
  stop(): Promise<void>;
}

/**
 * Asks without a pause over `connections` connections: single questions, questions with a request id (asked again until
 * they are answered, as a careful client does) and batches.
 */
export function startLoad(url: string, connections: number): Load {
  const acknowledged = new Map<string, Decision>();
  const byRequestId = new Map<string, string[]>();
  const strange: string[] = [];
  let running = true;

  const post = async (path: string, body: unknown): Promise<{ status: number; body: unknown } | null> => {
    try {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      return { status: response.status, body: await response.json() };
    } catch {
      return null;
    }
  };

  const note = (answer: { status: number; body: unknown } | null): Decision[] | null => {
    if (answer?.status !== 200) {
      if (answer && answer.status !== 503) strange.push(JSON.stringify(answer));
      return null;
    }
    const { decisions } = answer.body as { decisions?: Decision[] };
    const told = decisions ?? [answer.body as Decision];
    for (const decision of told) {
      if ('decision_id' in decision) acknowledged.set(decision.decision_id, decision);
      else if ((decision as { error: { status: number } }).error.status !== 503) strange.push(JSON.stringify(decision));
    }
    return told;
  };

  const client = async (name: number): Promise<void> => {
    for (let turn = 0; running; turn += 1) {
      const question = { agent: `agent-${name % 3}`, action: 'act', context: { name, turn, pad: 'x'.repeat(200) } };
      if (turn % 3 === 0) {
        const requestId = `${name}-${turn}`;
        const again = { ...question, request_id: requestId };
        for (let answered = 0; running && answered < 2; ) {
          const told = note(await post('/policy/evaluate', again));
          if (!told) await sleep(15);
          else {
            answered += 1;
            byRequestId.set(requestId, [...(byRequestId.get(requestId) ?? []), ...told.map((one) => one.decision_id)]);
          }
        }
      } else if (turn % 3 === 1) {
        if (!note(await post('/policy/evaluate', question))) await sleep(15);
      } else {
        const requests = Array.from({ length: 20 }, () => question);
        if (!note(await post('/policy/evaluate/batch', { requests }))) await sleep(15);
      }
    }
  };
  const clients = Array.from({ length: connections }, (_, name) => client(name));
  return {
    acknowledged,
    byRequestId,
    strange,
    async stop() {
      running = false;
      await Promise.all(clients);
    },
  };
}
