/** Fills a buffer with random bytes: `crypto.randomFillSync`, or something repeatable in a test. */
export type RandomFill = (bytes: Uint8Array) => Uint8Array;

const randomPoolBytes = 8 * 512;
const counterLimit = 0x1000;
/** A clock that goes back further than this was wrong before: ids follow it again (RFC 9562, section 6.2). */
const followBackMs = 10_000;

/**
 * Makes decision ids: UUIDv7 (RFC 9562), each greater than the one before, also when the clock stands still or goes back
 * by less than ten seconds.
 * The 12 bits after the time are a counter that starts below its half in every millisecond; when it runs over, the time
 * part is carried ahead of the clock. The last 62 bits are random, which keeps servers apart.
 */
export function createDecisionIds(fill: RandomFill): (nowMs: number) => string {
  const random = new Uint8Array(randomPoolBytes);
  let used = randomPoolBytes;
  let lastMs = 0;
  let counter = 0;

  const eightBytes = (): number => {
    if (used >= randomPoolBytes) {
      fill(random);
      used = 0;
    }
    used += 8;
    return used - 8;
  };
  const byte = (at: number): number => random[at] ?? 0;

  return (nowMs) => {
    const at = eightBytes();
    const ms = Math.floor(nowMs);
    counter += 1;
    if (ms > lastMs || ms < lastMs - followBackMs) {
      lastMs = ms;
      counter = ((byte(at) & 0x07) << 8) | byte(at + 1);
    } else if (counter === counterLimit) {
      lastMs += 1;
      counter = 0;
    }
    const time = lastMs.toString(16).padStart(12, '0');
    let tail = hex((byte(at) & 0x3f) | 0x80);
    for (let index = 1; index < 8; index += 1) tail += hex(byte(at + index));
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail.slice(0, 4)}-${tail.slice(4)}`;
  };
}

const hexPairs = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));

function hex(byte: number): string {
  return hexPairs[byte] ?? '';
}

/** Milliseconds since 1970 that an id was made at. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The least id of a millisecond: ids made at or after `ms` are not below it. Times before 1970 count as 1970. */
export function idBound(ms: number): string {
  const clamped = Math.min(Math.max(Math.floor(ms), 0), 0xffffffffffff);
  const time = clamped.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}
