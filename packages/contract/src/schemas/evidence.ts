import Type, { type Static } from 'typebox';
import { Version } from './bundle.js';
import { Envelope } from './exchange.js';
import { ExportedFrom, SourceApproval } from './provenance.js';
import { CustomCases, SimulationSummary } from './simulation.js';
import { Actor, Effect, Nullable, Timestamp } from './vocabulary.js';

/** What an in-toto statement about a bundle is of. */
export const statementType = 'https://in-toto.io/Statement/v1';
export const evidencePredicateType = 'urn:policy-studio:bundle-evidence:v1';

/** What was found out about the rules of a digest, and when. */
export const EvidencePredicate = Type.Object({
  made_at: Timestamp,
  made_by: Actor,
  made_in: ExportedFrom,
  version: Version,
  rules: Type.Integer(),
  lists: Type.Record(Type.String(), Nullable(Type.String()), {
    description: 'The lists the rules read, with the digests they had; null: there was none.',
  }),
  lint: Type.Object({
    errors: Type.Integer(),
    warnings: Type.Integer(),
    info: Type.Integer(),
    suppressed: Type.Integer(),
  }),
  tests: Nullable(
    Type.Object({
      digest: Type.String({ description: 'SHA-256 of the RFC 8785 form of the cases.' }),
      cases: Type.Integer(),
      expecting: Type.Integer({ description: 'Those of them that say what is to come out.' }),
      failed: Type.Integer(),
      covered_rate: Type.Number({ description: 'Share of the enabled rules that decided some case.' }),
    }),
    { description: 'Null: none were given.' },
  ),
  simulation: Type.Object({ dataset: Type.Literal('fixtures'), summary: SimulationSummary }),
  diff: Nullable(
    Type.Object({
      against: Type.Object({ version: Version, digest: Type.String() }),
      rules: Type.Object({
        added: Type.Integer(),
        removed: Type.Integer(),
        modified: Type.Integer(),
        unchanged: Type.Integer(),
      }),
      equal: Nullable(Type.Boolean(), {
        description: 'Proven: every request is decided alike. Null: one of the two cannot decide.',
      }),
      undecided: Type.Integer(),
      total_changes: Type.Integer(),
      changes: Type.Array(Type.Object({ agent: Type.String(), action: Type.String(), from: Effect, to: Effect }), {
        description: 'The first 100 kinds of request that are decided otherwise.',
      }),
    }),
    { description: 'Against the version in force where it was made; null: there was none.' },
  ),
  approval: Nullable(SourceApproval, { description: 'The activation approval there was then; null: none.' }),
});
export type EvidencePredicate = Static<typeof EvidencePredicate>;

/** An in-toto statement, v1: the payload of an envelope. */
export const EvidenceStatement = Type.Object(
  {
    _type: Type.Literal(statementType),
    subject: Type.Array(
      Type.Object({ name: Type.String(), digest: Type.Object({ sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }) }) }),
      { minItems: 1, maxItems: 1 },
    ),
    predicateType: Type.Literal(evidencePredicateType),
    predicate: EvidencePredicate,
  },
  { $id: 'EvidenceStatement' },
);
export type EvidenceStatement = Static<typeof EvidenceStatement>;

export const MakeEvidence = Type.Object({ custom_cases: CustomCases }, { additionalProperties: false });

export const Evidence = Type.Object(
  {
    id: Type.Integer(),
    digest: Type.String(),
    key_id: Nullable(Type.String(), { description: 'The trusted key that signed it; null: none that is trusted now.' }),
    imported: Type.Boolean(),
    created_by: Actor,
    created_at: Timestamp,
    lacks: Type.Array(Type.String(), {
      description: 'What keeps it from being enough where `require_evidence` is on; empty: nothing.',
    }),
    statement: Nullable(EvidenceStatement, { description: 'Null: of another kind than this release knows.' }),
    envelope: Envelope,
  },
  { $id: 'Evidence' },
);
export type Evidence = Static<typeof Evidence>;

export const EvidenceList = Type.Object({
  digest: Type.String({
    description: 'Of the bundle as it is now; what was found out about former rules is not shown.',
  }),
  evidence: Type.Array(Evidence, { description: 'Newest first.' }),
});
