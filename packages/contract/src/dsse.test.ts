import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64 } from './base64.js';
import { isEnvelope, openEnvelope, preAuthEncoding } from './dsse.js';

describe('base64', () => {
  it('is read in both alphabets, as Node writes it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const standard = Buffer.from(bytes).toString('base64');
        expect(decodeBase64(standard)).toEqual(bytes);
        expect(decodeBase64(standard.replaceAll('+', '-').replaceAll('/', '_'))).toEqual(bytes);
      }),
    );
  });

  it('has one spelling for a value: no text is read that would be written otherwise', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'AQgw/+-_= \n'), maxLength: 12 }), (text) => {
        const bytes = decodeBase64(text);
        if (bytes === null) return;
        const written = Buffer.from(bytes).toString('base64');
        expect([written, written.replaceAll('+', '-').replaceAll('/', '_')]).toContain(text);
      }),
      { numRuns: 2_000 },
    );
    for (const text of ['QQ', 'QQ=', 'QR==', 'QQ== ', 'QQ==QQ==', '=', '====', 'Q===', 'é===']) {
      expect(decodeBase64(text)).toBeNull();
    }
  });
});

describe('the pre-authentication encoding', () => {
  it('is that of the examples of the DSSE protocol', () => {
    const payload = Buffer.from('hello world');
    const encoded = preAuthEncoding('http://example.com/HelloWorld', payload);
    expect(Buffer.from(encoded).toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('is another one for another type or payload, wherever one ends and the other begins', () => {
    const word = fc.string({ unit: fc.constantFrom(...'a1 '), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(word, word, word, word, (typeA, bodyA, typeB, bodyB) => {
        const same = typeA === typeB && bodyA === bodyB;
        const [a, b] = [preAuthEncoding(typeA, Buffer.from(bodyA)), preAuthEncoding(typeB, Buffer.from(bodyB))];
        expect(Buffer.compare(a, b) === 0).toBe(same);
      }),
    );
  });
});

describe('an envelope', () => {
  const sig = Buffer.alloc(64, 1).toString('base64');
  const envelope = { payloadType: 'a/b', payload: 'QUJD', signatures: [{ keyid: 'one', sig }] };
  const keys = [
    { key_id: 'one', public_key: 'first' },
    { key_id: 'one', public_key: 'second' },
    { key_id: 'two', public_key: 'third' },
  ];

  it('is opened by the key that its signature is of, of several with one id', () => {
    const opened = openEnvelope(envelope, 'a/b', keys, (key) => key === 'second');
    expect(opened).toMatchObject({ key: keys[1], payload: new Uint8Array([65, 66, 67]) });
  });

  it('is tried with no key that it does not name', () => {
    const tried: string[] = [];
    const opened = openEnvelope(envelope, 'a/b', keys, (key) => {
      tried.push(key);
      return false;
    });
    expect(opened).toMatchObject({ fault: 'bad_signature' });
    expect(tried).toEqual(['first', 'second']);
    expect(openEnvelope(envelope, 'a/b', keys.slice(2), () => true)).toMatchObject({ fault: 'unknown_key' });
    expect(openEnvelope(envelope, 'a/c', keys, () => true)).toMatchObject({ fault: 'wrong_type' });
  });

  it.each([
    [{ ...envelope, more: 1 }, false],
    [{ ...envelope, signatures: [] }, false],
    [{ ...envelope, signatures: [{ keyid: 'one' }] }, false],
    [{ ...envelope, signatures: [{ keyid: 'one', sig, cert: 'x' }] }, false],
    [{ ...envelope, payloadType: 'a b' }, false],
    [null, false],
    [[], false],
    [envelope, true],
  ])('has the shape of one: %j', (value, expected) => expect(isEnvelope(value)).toBe(expected));
});
