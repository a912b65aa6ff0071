import { pipeline, Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';

/** The content of plain or compressed (gzip, known by its first two bytes) input. `onBytes` is told of bytes as they are read. */
export async function* unpacked(
  source: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = counted(source, onBytes);
  let first: Uint8Array = new Uint8Array();
  while (first.length < 2) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    first = first.length === 0 ? value : Buffer.concat([first, value]);
  }
  if (first[0] !== 0x1f || first[1] !== 0x8b) {
    if (first.length > 0) yield first;
    yield* chunks;
    return;
  }
  const packed = Readable.from(preceded(first, chunks), { objectMode: false, highWaterMark: 256 * 1024 });
  const content = createGunzip({ chunkSize: 256 * 1024 });
  // The iteration below sees the errors of both ends; the callback only keeps them from being unhandled.
  pipeline(packed, content, () => {});
  yield* content as AsyncIterable<Uint8Array>;
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    onBytes(chunk.byteLength);
    yield chunk;
  }
}

async function* preceded(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

/**
 * Hands over each line of UTF-8 text with its number, from 1, and null in place of a line longer than `maxChars`. Memory
 * stays within one chunk and one line. Lines end with LF or CRLF; a byte order mark is dropped. Answers the number of lines.
 */
export async function eachLine(
  source: AsyncIterable<Uint8Array>,
  maxChars: number,
  onLine: (line: string | null, number: number) => void,
): Promise<number> {
  const decoder = new StringDecoder('utf8');
  let pending = '';
  let overlong = false;
  let number = 0;
  const emit = (end: string): void => {
    number += 1;
    const line = pending + end;
    onLine(
      overlong || line.length > maxChars ? null : number === 1 && line.startsWith('\uFEFF') ? line.slice(1) : line,
      number,
    );
    pending = '';
    overlong = false;
  };
  for await (const chunk of source) {
    const text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    let from = 0;
    for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
      emit(text.slice(from, to));
      from = to + 1;
    }
    if (!overlong) pending += text.slice(from);
    if (pending.length > maxChars) {
      overlong = true;
      pending = '';
    }
  }
  const rest = decoder.end();
  if (pending !== '' || rest !== '' || overlong) emit(rest);
  return number;
}
