-- The ways an imported bundle came, the first one first.
alter table bundle add column provenance json not null default '[]';

-- Ed25519 public keys whose signed bundles are taken.
create table trusted_key (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  name text not null,
  key_id text not null,
  public_key text not null,
  created_by text not null,
  created_at timestamptz not null,
  unique (workspace_id, name),
  unique (workspace_id, public_key)
);

-- Signed statements (in-toto, in DSSE envelopes) about the rules of a digest: made here, or come with an import.
create table bundle_evidence (
  id integer generated always as identity primary key,
  workspace_id integer not null references workspace (id),
  digest text not null,
  envelope json not null,
  -- The key that signed it, as one trusted here found it when it was kept; null: signed by nobody known here.
  key_id text,
  imported boolean not null,
  created_by text not null,
  created_at timestamptz not null
);
create index bundle_evidence_digest_idx on bundle_evidence (workspace_id, digest, id desc);
