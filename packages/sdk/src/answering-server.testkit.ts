import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProblemError } from './problem-error.js';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly at: number;
}

export type Answer = (response: ServerResponse, received: Received) => void;

export interface AnsweringServer {
  readonly url: string;
  readonly received: readonly Received[];
  close(): Promise<void>;
}

/** A server on a loopback port that gives the answers in turn, the last one again and again. */
export async function answering(...answers: readonly [Answer, ...Answer[]]): Promise<AnsweringServer> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const entry = { method, url, headers, body: Buffer.concat(chunks).toString('utf8'), at: Date.now() };
      const answer = answers[Math.min(received.length, answers.length - 1)];
      received.push(entry);
      answer?.(response, entry);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body));
  };
}

export const stall: Answer = () => {};

export const hangUp: Answer = (response) => {
  response.socket?.destroy();
};

/** What the work fails with, which must be a ProblemError. */
export async function failure(work: Promise<unknown>): Promise<ProblemError> {
  const error = await work.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  if (error instanceof ProblemError) return error;
  throw new Error(`a ProblemError was expected, not ${String(error)}`);
}
