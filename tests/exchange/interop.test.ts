import { execFileSync } from 'node:child_process';
import { createHash, createHmac, createPublicKey, hkdfSync, verify } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { dsse } from '@sigstore/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { rulesYaml, run, workFolder } from '../cli/cli.testkit.js';
import { type BundleExport, canonicalText, type Envelope } from './wire.testkit.js';

const hmacSecret = 'the secret of these servers, 32 characters';
const folder = workFolder();
folder.write('rules.yaml', rulesYaml);
let server: TestServer;
/** With the same secret; and with another. */
let production: TestServer;
let stranger: TestServer;
beforeAll(async () => {
  [server, production, stranger] = await Promise.all([
    startTestServer({ hmacSecret }),
    startTestServer({ hmacSecret }),
    startTestServer({ hmacSecret: 'a secret that nobody shares with it' }),
  ]);
}, 60_000);
afterAll(() => Promise.all([server, production, stranger].map((each) => each?.close())));

const env = () => ({ POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken });
const studio = (...args: string[]) => run(args, { cwd: folder.path, env: env() });
/** Without any server. */
const offline = (...args: string[]) => run(args, { cwd: folder.path });
const read = (name: string) => readFileSync(join(folder.path, name), 'utf8');
const openssl = (...args: string[]) =>
  execFileSync('openssl', args, { cwd: folder.path, encoding: 'utf8', stdio: 'pipe' });

describe('an envelope', () => {
  it('is signed without a server, with keys that only their owner can read', async () => {
    const made = await offline('keys', 'generate', 'release', '--json');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const { key_id: keyId, public_key: publicKey } = JSON.parse(made.stdout);
    expect(keyId).toBe(createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 16));
    expect(statSync(join(folder.path, 'release.key.pem')).mode & 0o777).toBe(0o600);
    expect((await offline('keys', 'generate', 'release')).code).toBe(2);

    const signed = await offline('bundles', 'sign', 'rules.yaml', '--key', 'release.key.pem', '-o', 'signed.json');
    expect(signed).toMatchObject({ code: 0, stdout: '' });
    const good = await offline('bundles', 'verify', 'signed.json', '--key', 'release.pub.pem', '--json');
    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ valid: true, version: '1.0.0', key_id: keyId });
  });

  it('is one that OpenSSL verifies, over the encoding that another implementation makes', () => {
    const { payload, payloadType, signatures } = JSON.parse(read('signed.json')) as Envelope;
    folder.write('pae.bin', dsse.preAuthEncoding(payloadType, Buffer.from(payload, 'base64')));
    folder.write('sig.bin', Buffer.from(signatures[0]?.sig ?? '', 'base64'));
    const check = [
      'pkeyutl',
      '-verify',
      '-pubin',
      '-inkey',
      'release.pub.pem',
      '-rawin',
      '-in',
      'pae.bin',
      '-sigfile',
      'sig.bin',
    ];
    expect(openssl(...check)).toContain('Signature Verified Successfully');
    folder.write('pae.bin', dsse.preAuthEncoding(payloadType, Buffer.from(`${payload.slice(0, -4)}AAAA`, 'base64')));
    expect(() => openssl(...check)).toThrow();
  });

  it('is taken when OpenSSL made its key and its signature, and another implementation its encoding', async () => {
    openssl('genpkey', '-algorithm', 'ed25519', '-out', 'foreign.key.pem');
    openssl('pkey', '-in', 'foreign.key.pem', '-pubout', '-out', 'foreign.pub.pem');
    const { payload, payloadType } = JSON.parse(read('signed.json')) as Envelope;
    folder.write('pae.bin', dsse.preAuthEncoding(payloadType, Buffer.from(payload, 'base64')));
    openssl('pkeyutl', '-sign', '-inkey', 'foreign.key.pem', '-rawin', '-in', 'pae.bin', '-out', 'sig.bin');
    const trusted = await studio('keys', 'trust', 'foreign', 'foreign.pub.pem', '--json');
    const { key_id: keyid, id } = JSON.parse(trusted.stdout);
    const sig = readFileSync(join(folder.path, 'sig.bin')).toString('base64');
    folder.write('foreign.json', JSON.stringify({ payloadType, payload, signatures: [{ keyid, sig }] }));
    const ours = await offline('bundles', 'verify', 'foreign.json', '--key', 'release.pub.pem', 'foreign.pub.pem');
    expect(ours).toMatchObject({ code: 0, stdout: expect.stringContaining(`signed by ${keyid}`) });
    const verdict = await studio('bundles', 'verify', 'foreign.json');
    expect(verdict).toMatchObject({ code: 0, stdout: expect.stringMatching(/^valid: version 1\.0\.0/) });
    expect(await studio('bundles', 'import', 'foreign.json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('its source never approved it'),
    });
    expect((await studio('keys', 'trusted')).stdout).toContain('foreign');
    await studio('keys', 'distrust', String(id));
    expect((await studio('bundles', 'import', 'foreign.json', '--as-version', '1.0.1')).stderr).toContain(
      'signing_key_unknown',
    );
  });

  it('of a server is one that OpenSSL verifies with the public key it tells', async () => {
    const envelope = (await studio('bundles', 'export', '1.0.0', '--envelope')).stdout;
    const { payload, payloadType, signatures } = JSON.parse(envelope) as Envelope;
    const own = JSON.parse((await studio('keys', 'trusted', '--json')).stdout).own[0];
    expect(signatures[0]?.keyid).toBe(own.key_id);
    const x = Buffer.from(own.public_key, 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const message = dsse.preAuthEncoding(payloadType, Buffer.from(payload, 'base64'));
    expect(verify(null, message, key, Buffer.from(signatures[0]?.sig ?? '', 'base64'))).toBe(true);
    folder.write('server.pub.pem', key.export({ format: 'pem', type: 'spki' }) as string);
    folder.write('envelope.json', envelope);
    expect((await offline('bundles', 'verify', 'envelope.json', '--key', 'server.pub.pem')).code).toBe(0);
  });

  it('can be signed once more, and is not when it is no longer what it says', async () => {
    const twice = await offline('bundles', 'sign', 'envelope.json', '--key', 'release.key.pem');
    const both = JSON.parse(twice.stdout) as Envelope;
    expect(both.signatures).toHaveLength(2);
    folder.write('both.json', twice.stdout);
    expect((await offline('bundles', 'verify', 'both.json', '--key', 'release.pub.pem')).code).toBe(0);
    const content = JSON.parse(Buffer.from(both.payload, 'base64').toString('utf8'));
    content.digest = '0'.repeat(64);
    folder.write(
      'odd.json',
      JSON.stringify({ ...both, payload: Buffer.from(JSON.stringify(content)).toString('base64') }),
    );
    const refused = await offline('bundles', 'sign', 'odd.json', '--key', 'release.key.pem');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('the digest is not that of the rules') });
  });

  it('that was altered is not valid, without a server and with one', async () => {
    const good = JSON.parse(read('signed.json')) as Envelope;
    const payload = Buffer.from(good.payload, 'base64').toString('utf8').replace('"deny"', '"allow"');
    folder.write('altered.json', JSON.stringify({ ...good, payload: Buffer.from(payload).toString('base64') }));
    const verdict = await offline('bundles', 'verify', 'altered.json', '--key', 'release.pub.pem');
    expect(verdict).toMatchObject({ code: 1, stdout: expect.stringContaining('the signature does not fit') });
    expect((await studio('bundles', 'verify', 'altered.json')).code).toBe(1);
  });

  it('is made of valid rules and with a private key, or not at all', async () => {
    folder.write('broken.yaml', rulesYaml.replace('effect: deny', 'effect: perhaps'));
    const broken = await offline('bundles', 'sign', 'broken.yaml', '--key', 'release.key.pem');
    expect(broken).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('broken.yaml:8') });
    const open = await offline('bundles', 'sign', 'rules.yaml', '--key', 'release.pub.pem');
    expect(open).toMatchObject({ code: 2, stderr: expect.stringContaining('holds no private key') });
    openssl('genpkey', '-algorithm', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'ec.key.pem');
    const other = await offline('bundles', 'sign', 'rules.yaml', '--key', 'ec.key.pem');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('bundles are signed with Ed25519') });
  });
});

describe('an export', () => {
  it('is signed as docs/exchange.md says, by a reader that knows nothing but that page', async () => {
    await studio('bundles', 'push', 'rules.yaml', '--version', '2.0.0');
    await studio('bundles', 'export', '2.0.0', '-o', 'export.json');
    const { signature, ...signed } = JSON.parse(read('export.json')) as BundleExport;
    const derive = (info: string) => Buffer.from(hkdfSync('sha256', hmacSecret, 'policy-studio', info, 32));
    const expected = createHmac('sha256', derive('sign exports')).update(canonicalText(signed)).digest('hex');
    expect(signature).toBe(expected);
    expect(signed.key_id).toBe(derive('key id of exports').toString('hex').slice(0, 16));
    folder.write('signed.txt', canonicalText(signed));
    const mac = openssl(
      'dgst',
      '-sha256',
      '-mac',
      'HMAC',
      '-macopt',
      `hexkey:${derive('sign exports').toString('hex')}`,
      'signed.txt',
    );
    expect(mac).toContain(signature);
  });

  it('cannot be verified without its servers, and says so', async () => {
    const verdict = await offline('bundles', 'verify', 'export.json', '--key', 'release.pub.pem');
    expect(verdict).toMatchObject({ code: 2, stderr: expect.stringContaining('only servers that share its secret') });
    expect((await offline('bundles', 'sign', 'export.json', '--key', 'release.key.pem')).code).toBe(2);
    expect((await studio('bundles', 'verify', 'export.json')).code).toBe(0);
  });
});

describe('between two servers', () => {
  it('a bundle is pushed and pulled, with a key of its own for each', async () => {
    folder.write('production.key', await production.createKey('author', { owner: 'Pat' }));
    folder.write('staging.key', await server.createKey('operator', { owner: 'Sam' }));
    folder.write('stranger.key', stranger.adminToken);
    const bare = await studio('bundles', 'push', '2.0.0', '--to', production.url);
    expect(bare).toMatchObject({ code: 2, stderr: expect.stringContaining('POLICY_STUDIO_REMOTE_TOKEN') });

    const pushed = await studio(
      'bundles',
      'push',
      '2.0.0',
      '--to',
      production.url,
      '--remote-token-file',
      'production.key',
    );
    expect(pushed).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^imported version 2\.0\.0 as a draft/),
    });
    const there = (await production.call('getBundleByVersion', { params: { version: '2.0.0' } })).body;
    expect(there).toMatchObject({ status: 'draft', created_by: 'Pat', source: 'imported' });

    const again = await studio(
      'bundles',
      'push',
      '2.0.0',
      '--to',
      production.url,
      '--remote-token-file',
      'production.key',
    );
    expect(again).toMatchObject({ code: 3, stderr: expect.stringContaining('with the same digest') });

    const pulled = await run(
      ['bundles', 'pull', '2.0.0', '--from', server.url, '--remote-token-file', 'staging.key', '--as-version', '2.0.1'],
      { cwd: folder.path, env: { POLICY_STUDIO_URL: production.url, POLICY_STUDIO_TOKEN: production.adminToken } },
    );
    expect(pulled).toMatchObject({ code: 0, stdout: expect.stringContaining('version 2.0.0 as the draft 2.0.1') });

    const away = ['bundles', 'push', '2.0.0', '--to', stranger.url, '--remote-token-file', 'stranger.key'];
    expect(await studio(...away)).toMatchObject({ code: 3, stderr: expect.stringContaining('signing_key_unknown') });
    const { public_key } = JSON.parse((await studio('keys', 'trusted', '--json')).stdout).own[0];
    await stranger.call('addTrustedKey', { body: { name: 'staging', public_key } });
    expect((await studio(...away, '--envelope')).code).toBe(0);
  });
});
