import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type ProblemCode, problem, problemCodes } from '@policy-studio/contract';
import { errorCode } from '../database/start-error.js';
import { bareHeaders } from './answer-headers.js';

const detail: Partial<Record<ProblemCode, string>> = {
  bad_request: 'this is no HTTP/1.1 request',
  headers_too_large: 'the headers are larger than 16 KiB in all',
  request_timeout: 'the request did not arrive in time',
};

/** The last answer of each connection, begun or not. */
const answers = new WeakMap<Socket, ServerResponse>();

/** To be called before the server listens: a connection that is kept alive has been answered on before. */
export function watchAnswers(server: Pick<Server, 'prependListener'>): void {
  server.prependListener('request', (request, response) => answers.set(request.socket, response));
}

/** Answers what cannot be read as a request, with a problem like any other, and closes the connection. */
export function answerBrokenRequest(error: Error, socket: Socket): void {
  const answer = answers.get(socket);
  const isUnderWay = answer?.headersSent === true && !answer.writableFinished;
  // Nothing to be said into the middle of an answer, or to who is gone.
  if (errorCode(error) === 'ECONNRESET' || !socket.writable || isUnderWay) {
    socket.destroy(error);
    return;
  }
  const code = codeOf(error);
  const { status, title } = problemCodes[code];
  const id = crypto.randomUUID();
  const body = JSON.stringify({ ...problem(code, detail[code] ?? title), request_id: id });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    `x-request-id: ${id}`,
    ...Object.entries(bareHeaders).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/**
 * The header that says for whom a request is, or who sends it, and stands there twice; null: none does. Node takes the
 * first, and a proxy before it may have taken the last. `rawHeaders` holds names and values in turn.
 */
export function writtenTwice(rawHeaders: readonly string[]): 'host' | 'authorization' | null {
  let seen = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length !== 4 && name.length !== 13) continue;
    const bit = /^host$/i.test(name) ? 1 : /^authorization$/i.test(name) ? 2 : 0;
    if ((seen & bit) !== 0) return bit === 1 ? 'host' : 'authorization';
    seen |= bit;
  }
  return null;
}

function codeOf(error: Error): ProblemCode {
  switch (errorCode(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return 'headers_too_large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout';
    default:
      return 'bad_request';
  }
}
