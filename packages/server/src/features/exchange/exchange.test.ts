import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import {
  type BundleExport,
  bundlePayloadType,
  type Envelope,
  exportPayloadText,
  preAuthEncoding,
} from '@policy-studio/contract';
import { bundleDigest, type RuleInput } from '@policy-studio/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';

let now = new Date('2026-03-01T09:30:00.000Z');
const clock = { now: () => now };
const hours = (n: number) => new Date(now.getTime() + n * 3_600_000);

/** Where bundles come from, and where they go: another database, the same secret. */
let staging: Office;
let production: TestServer;
/** With another secret; and with that one and the former. */
let stranger: TestServer;
let rotated: TestServer;
beforeAll(async () => {
  const other = { clock, hmacSecret: 'a-secret-of-another-server' };
  [staging, production, stranger, rotated] = await Promise.all([
    openOffice({ clock, config: { publicUrl: 'https://staging.example' } }),
    startTestServer({ clock }),
    startTestServer(other),
    startTestServer({ ...other, previousHmacSecret: 'test-hmac-secret-0123456789' }),
  ]);
}, 60_000);
afterAll(() => Promise.all([staging, production, stranger, rotated].map((server) => server?.close())));

const exported = async (id: number, query = {}): Promise<BundleExport> =>
  (await staging.call('exportBundle', { token: staging.operator, params: { id }, query })).body;
const imported = (body: unknown, server: TestServer = production) => server.call('importBundle', { body });
const reasonOf = async (body: unknown) => (await production.call('verifyBundle', { body: body as object })).body;

describe('an export', () => {
  it('is imported elsewhere as a draft, with all that vouches for it', async () => {
    const rules = [rule('one', { conditions: { '>=risk_score': 85 }, metadata: { owner: 'mail' } })];
    const { id, digest } = await staging.draft('1.0.0', rules, {
      notes: 'First',
      metadata: { team: { name: 'mail' } },
    });
    const approval = await staging.approved(id);
    await staging.call('activateBundle', {
      token: staging.operator,
      params: { id },
      body: { approval_id: approval.id, canary_pct: 100 },
    });
    const file = await exported(id, { expiry_hours: 2 });
    expect(Object.keys(file).sort()).toEqual(
      ['bundle', 'digest', 'expires_at', 'exported_at', 'format_version', 'key_id', 'signature'].sort(),
    );
    expect(file).toMatchObject({
      digest,
      format_version: '1.0',
      exported_at: now.toISOString(),
      expires_at: hours(2).toISOString(),
      bundle: { version: '1.0.0', status: 'active', approval: { approved_by: ['Ann'], requested_by: 'Otto' } },
    });

    const answer = await imported(file);
    expect(answer).toMatchObject({
      status: 201,
      body: { version: '1.0.0', imported_from: '1.0.0', verified: true, approved_at_source: true },
    });
    expect(answer.body.message).toContain('at its source Ann approved it');
    const draft = (await production.call('getBundle', { params: { id: answer.body.id } })).body;
    expect(draft).toMatchObject({
      status: 'draft',
      active: false,
      approval_id: null,
      digest,
      rules,
      notes: 'First',
      source: 'imported',
      source_signature: file.signature,
      created_by: 'admin',
      metadata: { team: { name: 'mail' }, imported_at: now.toISOString() },
      provenance: [
        {
          version: '1.0.0',
          digest,
          algorithm: 'hmac-sha256',
          key_id: file.key_id,
          exported_from: { server: 'https://staging.example', workspace: 'default' },
          imported_by: 'admin',
        },
      ],
    });
  });

  it('of a bundle that was never approved says so', async () => {
    const { id } = await staging.draft('1.1.0');
    const { body } = await imported(await exported(id));
    expect(body).toMatchObject({ approved_at_source: false });
    expect(body.message).toContain('its source never approved it');
  });

  it('comes as a file', async () => {
    const { id } = await staging.draft('1.2.0');
    const answer = await staging.call('downloadBundle', { token: staging.operator, params: { id } });
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="policy-bundle-1.2.0.json"');
    expect((await imported(answer.body)).status).toBe(201);
  });

  it('lapses, a minute after its time at the latest', async () => {
    const { id } = await staging.draft('1.3.0');
    const file = await exported(id, { expiry_hours: 1 });
    const made = now;
    try {
      now = new Date(made.getTime() + 3_600_000 + 60_000);
      expect(await reasonOf(file)).toMatchObject({ valid: true });
      now = new Date(now.getTime() + 1);
      expect((await imported(file)).problem).toMatchObject({ status: 400, code: 'export_expired' });
      now = new Date(made.getTime() - 60_001);
      expect((await imported(file)).problem).toMatchObject({ status: 400, code: 'export_expired' });
    } finally {
      now = made;
    }
    expect((await imported(file)).status).toBe(201);
  });

  it('whose version is taken names the bundle that has it, and can be imported as another', async () => {
    const { id, digest } = await staging.draft('2.0.0');
    const file = await exported(id);
    const first = (await imported(file)).body;
    const again = await imported(file);
    expect(again.problem).toMatchObject({
      status: 409,
      code: 'version_taken',
      bundle_id: first.id,
      digest,
      same_digest: true,
    });
    const other = await imported({ ...file, import_as_version: '2.0.1' });
    expect(other).toMatchObject({ status: 201, body: { version: '2.0.1', imported_from: '2.0.0', digest } });
  });

  it('keeps its way when it travels on', async () => {
    const { id } = await staging.draft('3.0.0');
    const { body: first } = await imported({ ...(await exported(id)), import_as_version: '3.0.7' });
    const onward = await production.call('exportBundle', { params: { id: first.id } });
    const { body: back } = await imported({ ...onward.body, import_as_version: '3.0.8' }, staging);
    const { provenance } = (await staging.call('getBundle', { params: { id: back.id } })).body;
    expect(provenance.map(({ version, exported_from: from }) => [version, from.server])).toEqual([
      ['3.0.0', 'https://staging.example'],
      ['3.0.7', null],
    ]);
  });

  it('is recorded on both sides', async () => {
    const kinds = async (server: TestServer) =>
      (await server.call('listAudit', { query: { limit: 200 } })).body.entries.map(({ kind }) => kind);
    expect(await kinds(staging)).toContain('bundle.exported');
    expect(await kinds(production)).toContain('bundle.imported');
  });

  it('of a server with another secret is refused, and taken where that was the secret before', async () => {
    const { id } = await staging.draft('4.0.0');
    const file = await exported(id);
    expect((await imported(file, stranger)).problem).toMatchObject({ status: 400, code: 'signing_key_unknown' });
    expect((await imported(file, rotated)).status).toBe(201);
    const own = (await rotated.call('createBundle', { body: { version: '5.0.0', rules: [rule('one')] } })).body;
    const signed = (await rotated.call('exportBundle', { params: { id: own.id } })).body;
    expect(signed.key_id).not.toBe(file.key_id);
    expect((await imported(signed)).problem).toMatchObject({ code: 'signing_key_unknown' });
    expect((await imported(signed, stranger)).status).toBe(201);
  });
});

describe('a signed bundle that is not as it was made', () => {
  let file: BundleExport;
  beforeAll(async () => {
    const { id } = await staging.draft('6.0.0', [rule('one', { conditions: { confidence: 90 } })], {
      notes: 'as written',
      metadata: { deep: { er: [1, { x: 'y' }] } },
    });
    file = await exported(id);
  });

  const altered: Record<string, (copy: BundleExport) => void> = {
    'a later expiry': (copy) => Object.assign(copy, { expires_at: '2027-01-01T00:00:00.000Z' }),
    'an earlier export': (copy) => Object.assign(copy, { exported_at: '2026-03-01T09:29:00.000Z' }),
    'other notes': (copy) => Object.assign(copy.bundle, { notes: 'as rewritten' }),
    'a nested value of the metadata': (copy) => Object.assign(copy.bundle.metadata.deep as object, { er: [1] }),
    'another effect': (copy) => Object.assign(copy.bundle.rules[0]!, { effect: 'deny' }),
    'a further rule': (copy) => copy.bundle.rules.push(rule('two')),
    'a made-up approval': (copy) =>
      Object.assign(copy.bundle, {
        approval: {
          id: 1,
          requested_by: 'Eve',
          approved_by: ['Ann'],
          quorum: 1,
          risk: 'low',
          four_eyes: true,
          self_approved: false,
          decided_at: null,
        },
      }),
    'a member of its bundle more': (copy) => Object.assign(copy.bundle, { more: 1 }),
    'a member of its bundle less': (copy) => {
      delete (copy.bundle as Partial<BundleExport['bundle']>).created_by;
    },
    'another digest': (copy) => Object.assign(copy, { digest: '0'.repeat(64) }),
  };
  it.each(Object.keys(altered))('is refused with %s', async (name) => {
    const copy = structuredClone(file);
    altered[name]?.(copy);
    expect((await imported(copy)).problem).toMatchObject({ status: 400, code: 'signature_invalid' });
    expect(await reasonOf(copy)).toMatchObject({ valid: false, code: 'signature_invalid' });
  });

  it.each([
    ['another format', { format_version: '1.1' }],
    ['a member more', { more: 1 }],
    ['a signature in capitals', { signature: 'ABCDEF'.padEnd(64, '0') }],
    ['no digest', { digest: undefined }],
    ['a bundle that is none', { bundle: [] }],
  ])('has no shape with %s', async (_, change) => {
    const body = { ...file, ...change };
    expect((await imported(body)).status).toBe(422);
    expect(await reasonOf(body)).toMatchObject({ valid: false, code: 'validation_failed' });
  });

  it('is refused when a key stands twice, whichever would count', async () => {
    const text = JSON.stringify(file);
    const twice = text.replace('"notes":"as written"', '"notes":"as rewritten","notes":"as written"');
    const answer = await imported(twice);
    expect(answer.problem).toMatchObject({ code: 'validation_failed', errors: [{ path: '/bundle/notes' }] });
  });

  it('is taken with its keys in another order and numbers in another spelling', async () => {
    const backwards = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(backwards)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, member]) => [key, backwards(member)]),
            )
          : value;
    const text = JSON.stringify(backwards({ ...file, import_as_version: '6.0.1' }), null, 3).replace(
      '"confidence": 90',
      '"confidence": 90.0e0',
    );
    expect(text).toContain('90.0e0');
    expect((await imported(text)).status).toBe(201);
  });
});

describe('an envelope', () => {
  const own = generateKeyPairSync('ed25519');
  const pem = own.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const raw = own.publicKey.export({ format: 'der', type: 'spki' }).subarray(12);

  /** Signed without a server, as somebody who has a private key can. */
  function envelope(bundle: { version: string; rules: object[] } & object, change: object = {}, keyid = ''): Envelope {
    const digest = bundleDigest(bundle.rules as RuleInput[]);
    const content = {
      bundle,
      digest,
      exported_at: now.toISOString(),
      expires_at: hours(1).toISOString(),
      format_version: '1.0',
      ...change,
    };
    const payload = Buffer.from(exportPayloadText(content));
    const sig = sign(null, preAuthEncoding(bundlePayloadType, payload), own.privateKey).toString('base64');
    return { payloadType: bundlePayloadType, payload: payload.toString('base64'), signatures: [{ keyid, sig }] };
  }
  let keyid = '';

  it('is taken from a server that shares the secret without naming its key', async () => {
    const { id } = await staging.draft('7.0.0');
    const { body } = await staging.call('exportEnvelope', { token: staging.operator, params: { id } });
    expect(body).toMatchObject({ payloadType: bundlePayloadType });
    const { own: ownKeys } = (await production.call('listTrustedKeys')).body;
    expect(body.signatures[0]?.keyid).toBe(ownKeys[0]?.key_id);
    const answer = await imported(body);
    expect(answer).toMatchObject({ status: 201, body: { version: '7.0.0' } });
    const draft = (await production.call('getBundle', { params: { id: answer.body.id } })).body;
    expect(draft.provenance).toMatchObject([{ algorithm: 'ed25519', key_id: ownKeys[0]?.key_id }]);
  });

  it('is taken once its key is trusted, and no longer when it is not', async () => {
    expect((await imported(envelope({ version: '7.1.0', rules: [rule('one')] }, {}, 'nobody'))).problem).toMatchObject({
      status: 400,
      code: 'signing_key_unknown',
    });
    const added = await production.call('addTrustedKey', { body: { name: 'release', public_key: pem } });
    expect(added).toMatchObject({ status: 201, body: { public_key: raw.toString('base64') } });
    keyid = added.body.key_id;
    const answer = await imported(envelope({ version: '7.1.0', rules: [rule('one')] }, {}, keyid));
    expect(answer).toMatchObject({ status: 201, body: { approved_at_source: false, key_id: keyid } });
    await production.call('removeTrustedKey', { params: { id: added.body.id } });
    const late = await imported(envelope({ version: '7.1.1', rules: [rule('one')] }, {}, keyid));
    expect(late.problem).toMatchObject({ code: 'signing_key_unknown' });
    await production.call('addTrustedKey', { body: { name: 'release', public_key: raw.toString('base64') } });
  });

  it('holds what it says: digest, times, limits and rules are looked at although it is signed', async () => {
    const good = { version: '7.2.0', rules: [rule('one')] };
    const code = async (...args: [typeof good, object?]) =>
      (await imported(envelope(args[0], args[1] ?? {}, keyid))).problem.code;
    expect(await code(good, { digest: 'f'.repeat(64) })).toBe('digest_mismatch');
    expect(await code(good, { expires_at: hours(8761).toISOString() })).toBe('export_expired');
    expect(await code(good, { expires_at: hours(-1).toISOString() })).toBe('export_expired');
    expect(await code(good, { expires_at: '2026-13-01T00:00:00Z' })).toBe('validation_failed');
    expect(await code({ ...good, version: '7.2' })).toBe('validation_failed');
    expect(await code({ ...good, notes: 'a\u0000b' } as typeof good)).toBe('validation_failed');
    expect(await code({ ...good, metadata: { a: 'a\u0000b' } } as typeof good)).toBe('validation_failed');
    expect(await code({ ...good, metadata: { a: 'x'.repeat(70_000) } } as typeof good)).toBe('validation_failed');
    const from = { server: 'x'.repeat(70_000), workspace: null };
    expect(await code({ ...good, exported_from: from } as typeof good)).toBe('validation_failed');
    const twins = { version: '7.2.0', rules: [rule('one'), rule('one')] };
    const digest = bundleDigest([rule('one')] as unknown as RuleInput[]);
    const payload = Buffer.from(
      exportPayloadText({
        bundle: twins,
        digest,
        exported_at: now.toISOString(),
        expires_at: hours(1).toISOString(),
        format_version: '1.0',
      }),
    );
    const sig = sign(null, preAuthEncoding(bundlePayloadType, payload), own.privateKey).toString('base64');
    const body = { payloadType: bundlePayloadType, payload: payload.toString('base64'), signatures: [{ keyid, sig }] };
    expect((await imported(body)).problem).toMatchObject({ status: 422, code: 'bundle_rejected' });
  });

  it('is refused when payload, type or signature are others', async () => {
    const good = envelope({ version: '7.3.0', rules: [rule('one')] }, {}, keyid);
    const other = envelope({ version: '7.3.1', rules: [rule('two')] }, {}, keyid);
    const problem = async (change: object) => (await imported({ ...good, ...change })).problem;
    expect(await problem({ payload: other.payload })).toMatchObject({ code: 'signature_invalid' });
    expect(await problem({ signatures: other.signatures })).toMatchObject({ code: 'signature_invalid' });
    expect(await problem({ payloadType: 'application/vnd.in-toto+json' })).toMatchObject({ code: 'validation_failed' });
    expect(await problem({ more: 1 })).toMatchObject({ code: 'validation_failed' });
    expect(await problem({ payload: `${good.payload.slice(0, 8)} ${good.payload.slice(8)}` })).toMatchObject({
      code: 'validation_failed',
    });
    expect((await imported(good)).status).toBe(201);
  });

  it('is taken with one good signature among others', async () => {
    const good = envelope({ version: '7.4.0', rules: [rule('one')] }, {}, keyid);
    const bad = Buffer.alloc(64, 1).toString('base64');
    const signatures = [{ keyid: 'nobody', sig: bad }, { keyid, sig: bad }, ...good.signatures];
    expect((await imported({ ...good, signatures })).status).toBe(201);
  });

  it('is never signed with a key that cannot be trusted', async () => {
    const add = (publicKey: string, name = 'odd') =>
      production.call('addTrustedKey', { body: { name, public_key: publicKey } });
    const privatePem = own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect((await add(privatePem)).problem).toMatchObject({
      status: 422,
      detail: expect.stringContaining('is a private key'),
    });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    expect((await add(rsa.export({ format: 'pem', type: 'spki' }).toString())).status).toBe(422);
    // The identity: a signature under it can be made up for everything.
    for (const small of ['01', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', '00']) {
      expect((await add(Buffer.from(small.padEnd(64, '0'), 'hex').toString('base64'))).status).toBe(422);
    }
    const flipped = Buffer.from('0100000000000000000000000000000000000000000000000000000000000080', 'hex');
    expect((await add(flipped.toString('base64'))).status).toBe(422);
    expect((await add(pem, 'twice')).problem).toMatchObject({ status: 409, code: 'key_trusted' });
    const fresh = createPublicKey(
      createPrivateKey(generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })),
    );
    expect((await add(fresh.export({ format: 'pem', type: 'spki' }).toString(), 'release')).problem).toMatchObject({
      code: 'name_taken',
    });
  });
});
