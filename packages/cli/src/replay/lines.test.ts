import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eachLine, unpacked } from './lines.js';

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function linesOf(source: AsyncIterable<Uint8Array>, maxChars = 1000): Promise<(string | null)[]> {
  const lines: (string | null)[] = [];
  const total = await eachLine(source, maxChars, (line, number) => {
    lines.push(line);
    expect(number).toBe(lines.length);
  });
  expect(total).toBe(lines.length);
  return lines;
}

/** Text without line ends; a byte order mark would be dropped from the first line. */
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.replaceAll(/[\n\uFEFF]/g, ' '));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

describe('lines', () => {
  it('do not depend on how the input is cut, nor on compression', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 20 }),
        sizes,
        fc.boolean(),
        async (lines, cuts, packed) => {
          const plain = Buffer.from(`${lines.join('\n')}\n`);
          const source = chunksOf(packed ? gzipSync(plain) : plain, cuts);
          expect(await linesOf(unpacked(source))).toEqual(lines);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('include a last one without a line end', async () => {
    expect(await linesOf(chunksOf(Buffer.from('a\nb'), [1]))).toEqual(['a', 'b']);
    expect(await linesOf(chunksOf(Buffer.from('a\n'), [9]))).toEqual(['a']);
    expect(await linesOf(chunksOf(Buffer.from(''), [9]))).toEqual([]);
  });

  it('that are too long are null, however they are cut, and those after them are whole', async () => {
    const content = Buffer.from(`${'x'.repeat(11)}\n${'y'.repeat(10)}\n${'z'.repeat(500)}\nend\n${'w'.repeat(30)}`);
    for (const size of [1, 7, 64, 10_000]) {
      const expected = [null, 'y'.repeat(10), null, 'end', null];
      expect(await linesOf(chunksOf(content, [size]), 10)).toEqual(expected);
    }
  });

  it('lose a byte order mark at the beginning, and only there', async () => {
    expect(await linesOf(chunksOf(Buffer.from('\uFEFFa\n\uFEFFb'), [2]))).toEqual(['a', '\uFEFFb']);
  });

  it('of compressed input that is cut off are an error with the code Z_BUF_ERROR', async () => {
    const cut = gzipSync(Buffer.from('a\n'.repeat(1000))).subarray(0, 20);
    await expect(linesOf(unpacked(chunksOf(cut, [7])))).rejects.toMatchObject({ code: 'Z_BUF_ERROR' });
  });

  it('count the bytes read, before unpacking', async () => {
    let read = 0;
    const packed = gzipSync(Buffer.from('a\n'.repeat(1000)));
    await linesOf(
      unpacked(chunksOf(packed, [7]), (bytes) => {
        read += bytes;
      }),
    );
    expect(read).toBe(packed.length);
  });

  it('end with the error of their source', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gzipSync('a\n').subarray(0, 12);
      throw new Error('the disk is gone');
    }
    await expect(linesOf(unpacked(failing()))).rejects.toThrow('the disk is gone');
  });
});
