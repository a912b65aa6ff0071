const standard = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The value of each character by its code, in both alphabets of RFC 4648; -1 for all others. */
const values = (() => {
  const table = new Int8Array(128).fill(-1);
  for (let value = 0; value < 64; value += 1) table[standard.charCodeAt(value)] = value;
  table['-'.charCodeAt(0)] = 62;
  table['_'.charCodeAt(0)] = 63;
  return table;
})();

/**
 * The bytes that base64 text stands for, in the standard or the URL alphabet, padded. Null unless it is their one
 * canonical spelling: no white space, not both alphabets, no bits that count for nothing. So no two texts are one value.
 */
export function decodeBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || (/[-_]/.test(text) && /[+/]/.test(text))) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  const bytes = new Uint8Array(Math.floor((digits * 6) / 8));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let index = 0; index < digits; index += 1) {
    const code = text.charCodeAt(index);
    const value = code < 128 ? (values[code] as number) : -1;
    if (value === -1) return null;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[at] = (bits >> held) & 0xff;
    at += 1;
  }
  const unused = bits & ((1 << held) - 1);
  return unused === 0 ? bytes : null;
}
