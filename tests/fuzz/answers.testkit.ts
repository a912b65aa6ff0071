import { Agent, type IncomingHttpHeaders, request as send } from 'node:http';
import { allOperations, Problem, problemCodes } from '@policy-studio/contract';
import { type Validator, validator } from '../../packages/server/src/http/validation.js';
import type { FuzzedRequest } from './requests.testkit.js';

export interface FuzzedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Connections are kept alive, so that what one request leaves behind meets the next. */
export const fuzzAgent = new Agent({ keepAlive: true, maxSockets: 8 });

/** Of a stream, which has no end, its beginning. Rejects when nothing comes within `deadlineMs`. */
export function answerTo(
  url: string,
  { method, path, headers, body }: FuzzedRequest,
  deadlineMs: number,
): Promise<FuzzedAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = send(
      {
        agent: fuzzAgent,
        hostname,
        port,
        method,
        path,
        headers: { ...headers, ...(body ? { 'content-length': body.length } : {}) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        const done = (): void => {
          clearTimeout(timer);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          });
        };
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (!response.headers['content-type']?.startsWith('text/event-stream')) return;
          done();
          request.destroy();
        });
        response.on('end', done);
        response.on('error', reject);
      },
    );
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.end(body ?? undefined);
  });
}

const isProblem = validator(Problem, 'body');
const responses = new Map<string, Validator>();
const inside =
  /node_modules|\.ts:\d+|SQLSTATE|syntax error at or near|violates [a-z-]+ constraint|relation "|Cannot read prop|is not a function|\bpg_/;

/** What of an answer no request may bring about; null: nothing. */
export function faultOf(request: FuzzedRequest, { status, headers, text }: FuzzedAnswer): string | null {
  if (status >= 500) return `status ${status}`;
  if (headers['x-content-type-options'] !== 'nosniff') return 'without nosniff';
  if (status !== 304 && headers['content-security-policy'] === undefined) return 'without a content security policy';
  if (headers['x-request-id'] === undefined) return 'without a request id';
  if (headers['access-control-allow-origin'] !== undefined) return 'readable by other origins';
  // With another method, what was meant to read the session ends it.
  if (headers['set-cookie'] !== undefined && !/\/(session|sign-in)\b/.test(request.path)) return 'sets a cookie';
  const type = headers['content-type'] ?? '';
  if (status >= 400) {
    if (inside.test(text)) return 'tells of its inside';
    if (request.method === 'HEAD') return null;
    if (!type.startsWith('application/problem+json')) return `a ${status} of type ${type}`;
    const problem = JSON.parse(text) as Problem;
    const wrong = isProblem(problem, 0)?.[0];
    if (wrong) return `a problem whose ${wrong.path} ${wrong.message}`;
    if (problemCodes[problem.code].status !== status) return `${problem.code} with status ${status}`;
    if (problem.detail.length > 4_000) return `a detail of ${problem.detail.length} characters`;
    return problem.request_id === headers['x-request-id'] ? null : 'a problem with another request id';
  }
  const operation = allOperations.find(({ id }) => id === request.operationId);
  if (!request.isSound || status !== operation?.status || !operation.response) return null;
  if (!type.startsWith('application/json')) return null;
  const check = responses.get(operation.id) ?? validator(operation.response, 'body');
  responses.set(operation.id, check);
  const wrong = check(JSON.parse(text), 0)?.[0];
  return wrong ? `an answer whose ${wrong.path} ${wrong.message}` : null;
}
