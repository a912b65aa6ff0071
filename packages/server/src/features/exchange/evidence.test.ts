import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { type Envelope, type EvidenceStatement, preAuthEncoding, statementPayloadType } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office?.close());

const risky = [rule('set-apart', { conditions: { '>=risk_score': 85 } })];
const cases = [
  { agent: 'inbox.triage', action: 'quarantine', context: { risk_score: 95 }, expected_effect: 'allow' },
  { agent: 'inbox.triage', action: 'quarantine', context: { risk_score: 5 }, expected_effect: 'deny' },
];
const make = (id: number, body: object = { custom_cases: cases }, server: TestServer = office) =>
  server.call('makeEvidence', { params: { id }, body });
const list = async (id: number, server: TestServer = office) =>
  (await server.call('listEvidence', { params: { id } })).body.evidence;

describe('a statement', () => {
  it('tells what lint, tests, simulation, comparison and approvers said of the rules', async () => {
    await office.inForce('1.0.0', [rule('set-apart')]);
    const { id, digest } = await office.draft('1.1.0', risky);
    await office.approved(id);
    const { status, body } = await make(id);
    expect(status).toBe(201);
    expect(body).toMatchObject({ digest, imported: false, created_by: 'admin', lacks: [] });
    expect(body.statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'policy-bundle-1.1.0', digest: { sha256: digest } }],
      predicate: {
        made_by: 'admin',
        version: '1.1.0',
        rules: 1,
        lint: { errors: 0 },
        tests: { cases: 2, expecting: 2, failed: 0, covered_rate: 1 },
        simulation: { dataset: 'fixtures', summary: { total_cases: 9 } },
        diff: {
          against: { version: '1.0.0' },
          rules: { modified: 1 },
          equal: false,
          changes: [{ agent: 'inbox.triage', action: 'quarantine', from: 'allow', to: 'deny' }],
        },
        approval: { approved_by: ['Ann'], requested_by: 'Otto' },
      },
    });
    expect(await list(id)).toMatchObject([{ id: body.id, lacks: [] }]);
  });

  it('says what it lacks: tests, tests that pass, lint without errors', async () => {
    const { id } = await office.draft('1.2.0', risky);
    expect((await make(id, {})).body).toMatchObject({
      lacks: ['tells of no test that expects something'],
      statement: { predicate: { tests: null } },
    });
    const idle = [{ agent: 'a', action: 'b', context: {} }];
    expect((await make(id, { custom_cases: idle })).body.lacks).toEqual(['tells of no test that expects something']);
    const wrong = [{ ...cases[0], expected_effect: 'deny' }];
    expect((await make(id, { custom_cases: wrong })).body.lacks).toEqual(['counts failed tests (1)']);
  });

  it('is not made of rules that cannot decide, nor of what is not there', async () => {
    const { id } = await office.draft('1.3.0', [rule('odd', { conditions: { '=>x': 1 } })]);
    expect((await make(id)).problem).toMatchObject({ status: 409, code: 'bundle_invalid' });
    expect((await make(999_999)).problem).toMatchObject({ status: 404 });
  });

  it('is about the rules it was made of: after an edit there is none', async () => {
    const { id } = await office.draft('1.4.0', risky);
    await make(id);
    await office.call('updateBundle', { params: { id }, body: { rules: [rule('other')] } });
    expect(await list(id)).toEqual([]);
    await office.call('updateBundle', { params: { id }, body: { rules: risky, notes: 'back again' } });
    expect((await list(id)).length).toBeGreaterThan(0);
  });

  it('about rules that no bundle has is let go after a month', async () => {
    const { id, digest } = await office.draft('1.4.1', [rule('short-lived')]);
    await make(id);
    await office.call('deleteBundle', { params: { id } });
    const other = await office.draft('1.4.2', [rule('another')]);
    const left = async () =>
      (await office.db.pool.query('select 1 from bundle_evidence where digest = $1', [digest])).rowCount;
    await make(other.id);
    expect(await left()).toBe(1);
    await office.db.pool.query(`update bundle_evidence set created_at = now() - interval '31 days'`);
    await make(other.id);
    expect(await left()).toBe(0);
    expect(await list(other.id)).not.toEqual([]);
  });

  it('is kept with the newest of its kind, ten of them', async () => {
    const { id } = await office.draft('1.5.0', [rule('many', { priority: 7 })]);
    for (let made = 0; made < 12; made += 1) await make(id, {});
    const kept = await list(id);
    expect(kept).toHaveLength(10);
    expect(kept.map((each) => each.id)).toEqual([...kept.map((each) => each.id)].sort((a, b) => b - a));
  });
});

describe('where evidence is required', () => {
  beforeAll(async () => {
    // Stricter, so that one person may do it alone.
    const { body } = await office.call('putSettings', { body: { require_evidence: true } });
    expect(body.require_evidence).toBe(true);
  });

  const activate = async (id: number) => {
    const approval = await office.approved(id);
    return office.call('activateBundle', {
      token: office.operator,
      params: { id },
      body: { approval_id: approval.id, canary_pct: 100 },
    });
  };

  it('nothing is activated without it, and the approval is not used up', async () => {
    const { id } = await office.draft('2.0.0', [rule('set-apart', { conditions: { '>=risk_score': 80 } })]);
    const approval = await office.approved(id);
    const input = { token: office.operator, params: { id }, body: { approval_id: approval.id, canary_pct: 100 } };
    expect((await office.call('activateBundle', input)).problem).toMatchObject({
      status: 409,
      code: 'evidence_needed',
      detail: expect.stringContaining('there is none about these rules'),
    });
    await make(id, {});
    expect((await office.call('activateBundle', input)).problem.detail).toContain('tells of no test');
    await make(id);
    expect((await office.call('activateBundle', input)).status).toBe(200);
  });

  it('that it is not any more takes a second person', async () => {
    const answer = await office.call('putSettings', { body: { require_evidence: false } });
    expect(answer.problem).toMatchObject({ status: 409, code: 'approval_required' });
  });

  /** A statement about other rules, or by another hand, put where a good one would be. */
  const plant = async (digest: string, envelope: Envelope) =>
    office.db.pool.query(
      `insert into bundle_evidence (workspace_id, digest, envelope, imported, created_by, created_at)
       select id, $1, $2, true, 'Eve', now() from workspace where name = 'default'`,
      [digest, JSON.stringify(envelope)],
    );

  it('a statement about other rules, altered, or by a stranger is none', async () => {
    const { id: goodId } = await office.draft('2.1.0', [rule('set-apart', { conditions: { '>=risk_score': 81 } })]);
    const good = (await make(goodId)).body;
    const { id, digest } = await office.draft('2.2.0', [rule('allow-all', { agent: '*', action: '*' })]);
    await plant(digest, good.envelope);
    expect((await activate(id)).problem.detail).toContain('is about other rules');

    const statement = structuredClone(good.statement) as EvidenceStatement;
    statement.subject[0]!.digest.sha256 = digest;
    const payload = Buffer.from(JSON.stringify(statement));
    await plant(digest, { ...good.envelope, payload: payload.toString('base64') });
    expect((await activate(id)).problem.detail).toContain('is signed by no key that is trusted here');

    const stranger = generateKeyPairSync('ed25519');
    const raw = stranger.publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
    const keyid = createHash('sha256').update(raw).digest('hex').slice(0, 16);
    const sig = sign(null, preAuthEncoding(statementPayloadType, payload), stranger.privateKey).toString('base64');
    const envelope = {
      payloadType: statementPayloadType,
      payload: payload.toString('base64'),
      signatures: [{ keyid, sig }],
    };
    await plant(digest, envelope);
    expect((await activate(id)).problem.detail).toContain('is signed by no key that is trusted here');
    // A trusted key is believed, for that is what trusting it means.
    await office.call('addTrustedKey', { body: { name: 'stranger', public_key: raw.toString('base64') } });
    expect((await activate(id)).status).toBe(200);
  });
});

describe('between servers', () => {
  let staging: TestServer;
  let production: TestServer;
  beforeAll(async () => {
    staging = await startTestServer();
    production = await startTestServer({ hmacSecret: 'another secret of another server' });
  });
  afterAll(() => Promise.all([staging?.close(), production?.close()]));

  it('evidence travels with its bundle, is believed where its key is trusted, and travels on', async () => {
    const { id } = (await staging.call('createBundle', { body: { version: '1.0.0', rules: risky } })).body;
    const made = (await make(id, { custom_cases: cases }, staging)).body;
    const { body: envelope } = await staging.call('exportEnvelope', { params: { id } });
    const own = (await staging.call('listTrustedKeys')).body.own[0]!;
    const trusted = await production.call('addTrustedKey', { body: { name: 'staging', public_key: own.public_key } });
    const { body: imported } = await production.call('importBundle', { body: envelope });
    expect(await list(imported.id, production)).toMatchObject([
      {
        imported: true,
        key_id: own.key_id,
        lacks: [],
        statement: { predicate: { made_in: { workspace: 'default' } } },
      },
    ]);

    const { body: onward } = await production.call('exportBundle', { params: { id: imported.id } });
    expect(onward.bundle.evidence).toEqual([made.envelope]);
    await production.call('importBundle', { body: { ...onward, import_as_version: '1.0.1' } });
    expect(await list(imported.id, production)).toHaveLength(1);

    await production.call('removeTrustedKey', { params: { id: trusted.body.id } });
    expect(await list(imported.id, production)).toMatchObject([
      { key_id: null, lacks: ['is signed by no key that is trusted here'] },
    ]);
  });
});
