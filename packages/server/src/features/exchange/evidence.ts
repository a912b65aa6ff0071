import {
  type BodyOf,
  type BundleDiff,
  type Envelope,
  type Evidence,
  type EvidencePredicate,
  type EvidenceStatement,
  evidencePredicateType,
  type operations,
  preAuthEncoding,
  type Simulation,
  statementPayloadType,
  statementType,
} from '@policy-studio/contract';
import { canonicalJson, sha256Hex } from '@policy-studio/engine';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { Refusal, refuse } from '../../refusal.js';
import type { SigningKey } from '../../server-secrets.js';
import type { Services } from '../../services.js';
import { bundleHead, bundleInForce, diffOf, lintedBundle, noBundle, withFindings } from '../bundles/queries.js';
import { recordChange } from '../events/transaction.js';
import { simulationOf } from '../simulation/queries.js';
import { approvalAtSource, evidenceOf, verifyingKeys } from './queries.js';
import { keepEvidence } from './transaction.js';

/** Kinds of change that a statement tells. */
const told = 100;

type Cases = NonNullable<BodyOf<typeof operations.makeEvidence>['custom_cases']>;

/** Finds out about a bundle, signs what came out, and keeps it. */
export async function makeEvidence(
  services: Services,
  caller: Caller,
  id: number,
  { custom_cases: cases }: BodyOf<typeof operations.makeEvidence>,
): Promise<Evidence | Refusal> {
  const { db, clock, secrets } = services;
  const { workspaceId, owner: actor } = caller;
  const found = await findOut(services, caller, id, cases ?? null);
  if (found instanceof Refusal) return found;
  const { predicate, digest, revision } = found;
  const envelope = signStatement(statementOf(predicate, digest), secrets.bundleKeys[0]);
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    const bundle = await bundleHead(tx, workspaceId, id, 'for update');
    if (!bundle) return noBundle(id);
    if (bundle.revision !== revision) {
      return refuse('conflict', `bundle ${id} was edited while it was looked at; try again`);
    }
    const [kept] = await keepEvidence(tx, { workspaceId, digest, envelopes: [envelope], imported: false, actor, now });
    const { lint, tests } = predicate;
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'bundle.evidence_made',
      subject: `bundle/${id}`,
      data: { evidence_id: kept ?? null, digest, key_id: secrets.bundleKeys[0].id, lint, tests },
    });
    const keys = await verifyingKeys(tx, secrets, workspaceId);
    const made = (await evidenceOf(tx, workspaceId, digest, keys)).find((each) => each.id === kept);
    if (!made) throw new Error('evidence that was just kept is not there');
    return made;
  });
}

interface Found {
  readonly predicate: EvidencePredicate;
  readonly digest: string;
  readonly revision: number;
}

async function findOut(services: Services, caller: Caller, id: number, cases: Cases | null): Promise<Found | Refusal> {
  const { db, clock, config } = services;
  const { workspaceId, owner, workspace } = caller;
  const stored = await lintedBundle(db.pool, workspaceId, id);
  if (!stored) return noBundle(id);
  const { bundle, current } = await withFindings(services, workspaceId, stored);
  if (!current) return refuse('overloaded', 'the bundle cannot be linted now, try again in a few seconds');
  const simulation = await simulationOf(services, workspaceId, id, null);
  if (simulation instanceof Refusal) return simulation;
  const tested = cases === null ? null : await simulationOf(services, workspaceId, id, cases);
  if (tested instanceof Refusal) return tested;
  const diff = await comparison(services, workspaceId, id);
  if (diff instanceof Refusal) return diff;
  const { errors, warnings, info, suppressed, total_rules: rules } = bundle.lint.summary;
  const predicate: EvidencePredicate = {
    made_at: clock.now().toISOString(),
    made_by: owner,
    made_in: { server: config.publicUrl, workspace },
    version: bundle.version,
    rules,
    lists: { ...bundle.lists_read },
    lint: { errors, warnings, info, suppressed },
    tests: tested && cases && testsOf(cases, tested),
    simulation: { dataset: 'fixtures', summary: simulation.summary },
    diff,
    approval: await approvalAtSource(db.pool, workspaceId, bundle),
  };
  return { predicate, digest: bundle.digest, revision: bundle.revision };
}

function testsOf(cases: Cases, { summary, failure_count: failed, coverage }: Simulation): EvidencePredicate['tests'] {
  const expectations = ['expected_effect', 'expected_rule', 'expected_reason'];
  return {
    digest: sha256Hex(canonicalJson(cases)),
    cases: summary.total_cases,
    expecting: cases.filter((each) => expectations.some((name) => Object.hasOwn(each, name))).length,
    failed,
    covered_rate: coverage.covered_rate,
  };
}

async function comparison(
  services: Services,
  workspaceId: number,
  id: number,
): Promise<EvidencePredicate['diff'] | Refusal> {
  const inForce = await bundleInForce(services.db.pool, workspaceId);
  if (!inForce) return null;
  const json = await diffOf(services, workspaceId, { a: inForce.id, b: id, days: 0 });
  if (json instanceof Refusal) return json;
  const { summary, semantic } = JSON.parse(Buffer.from(json).toString('utf8')) as BundleDiff;
  const changes = semantic?.changes ?? [];
  return {
    against: { version: inForce.version, digest: inForce.digest },
    rules: summary,
    equal: semantic?.equal ?? null,
    undecided: semantic?.undecided.length ?? 0,
    total_changes: changes.length,
    changes: changes.slice(0, told).map(({ agent, action, from, to }) => ({ agent, action, from, to })),
  };
}

function statementOf(predicate: EvidencePredicate, digest: string): EvidenceStatement {
  return {
    _type: statementType,
    subject: [{ name: `policy-bundle-${predicate.version}`, digest: { sha256: digest } }],
    predicateType: evidencePredicateType,
    predicate,
  };
}

function signStatement(statement: EvidenceStatement, key: SigningKey): Envelope {
  const payload = Buffer.from(canonicalJson(statement));
  const sig = key.sign(preAuthEncoding(statementPayloadType, payload));
  return {
    payloadType: statementPayloadType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: key.id, sig }],
  };
}
