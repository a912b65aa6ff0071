import type { Socket } from 'node:net';
import { type ProblemCode, problem, problemCodes } from '@policy-studio/contract';
import { errorCode } from '../database/start-error.js';

const detail: Partial<Record<ProblemCode, string>> = {
  bad_request: 'this is no HTTP/1.1 request',
  headers_too_large: 'the headers are larger than 16 KiB in all',
  request_timeout: 'the request did not arrive in time',
};

/** Answers what cannot be read as a request, with a problem like any other, and closes the connection. */
export function answerBrokenRequest(error: Error, socket: Socket): void {
  // The other side is gone, or an answer is under way: nothing to be said.
  if (errorCode(error) === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy(error);
    return;
  }
  const code = codeOf(error);
  const { status, title } = problemCodes[code];
  const body = JSON.stringify({ ...problem(code, detail[code] ?? title), request_id: crypto.randomUUID() });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
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
