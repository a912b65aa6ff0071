import Type, { type Static } from 'typebox';
import { AuditCheckpoint } from './audit.js';
import { Actor, Label, Nullable, Prose, page, pageQuery, Statement, Timestamp } from './vocabulary.js';

export const WorkspaceName = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,62}$',
  description: 'lower-case letters, digits, `_` and `-`, up to 63 characters',
});
export const WorkspaceParams = Type.Object({ name: Label(63) });

const limit = (maximum: number, description: string) =>
  Nullable(Type.Integer({ minimum: 0, maximum }), { description: `${description} null: no limit of its own.` });

export const Quotas = Type.Object(
  {
    bundles: limit(1_000_000, 'Bundles kept, drafts and archived ones included.'),
    rules_per_bundle: limit(10_000, 'Rules in one bundle.'),
    decisions_per_second: limit(
      1_000_000,
      'Decisions a second, on each server by itself. What was not used in the last second may be used at once.',
    ),
    decisions_kept: limit(10_000_000_000, 'Decisions in the log; looked at every minute.'),
  },
  { $id: 'Quotas' },
);
export type Quotas = Static<typeof Quotas>;
export const PutQuotas = Type.Partial(Type.Object(Quotas.properties), { additionalProperties: false });

/**
 * - `active`
 * - `archived`: it can be read, and nothing else
 * - `deleting`: archived, and to be deleted after its grace period
 */
export const workspaceStatuses = ['active', 'archived', 'deleting'] as const;

const Noted = { at: Timestamp, by: Actor, reason: Type.String() };

export const Workspace = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    description: Type.String(),
    demo: Type.Boolean({ description: 'Its agents, rules and people are made up; see `DELETE /policy/demo`.' }),
    status: Type.Enum(workspaceStatuses),
    created_by: Actor,
    created_at: Timestamp,
    archived: Nullable(Type.Object(Noted)),
    deletion: Nullable(
      Type.Object({
        ...Noted,
        delete_at: Type.String({ format: 'date-time', description: 'Until then it can be withdrawn.' }),
      }),
    ),
    quotas: Quotas,
  },
  { $id: 'Workspace' },
);
export type Workspace = Static<typeof Workspace>;

export const WorkspaceDetail = Type.Object({
  ...Workspace.properties,
  usage: Type.Object(
    {
      bundles: Type.Integer(),
      rules_per_bundle: Type.Integer({ description: 'Of the largest bundle.' }),
      decisions_per_second: Type.Number({ description: 'Of all servers, the mean of the last whole minute.' }),
      decisions_kept: Type.Integer({
        description: 'Counted now, up to a million and one, or up to one more than the quota.',
      }),
    },
    { description: 'What of each quota is used.' },
  ),
});
export type WorkspaceDetail = Static<typeof WorkspaceDetail>;

export const WorkspacePage = Type.Object({ workspaces: Type.Array(Workspace), ...page });
export const WorkspacePageQuery = Type.Object(pageQuery);

export const CreateWorkspace = Type.Object(
  { name: WorkspaceName, description: Type.Optional(Prose(500)), quotas: Type.Optional(PutQuotas) },
  { additionalProperties: false },
);
export const ArchiveWorkspace = Type.Object({ reason: Statement(1000) }, { additionalProperties: false });
export const AskDeletion = Type.Object(
  {
    confirm: Type.String({ maxLength: 63, description: 'The name of the workspace once more.' }),
    reason: Statement(1000),
    grace_days: Type.Integer({ minimum: 1, maximum: 90, default: 14, description: 'Whole days until it is deleted.' }),
  },
  { additionalProperties: false },
);

/** What stays of a workspace that was deleted. */
export const DeletedWorkspace = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    created_at: Timestamp,
    asked_by: Actor,
    asked_at: Timestamp,
    reason: Type.String(),
    deleted_at: Timestamp,
    rows: Type.Integer({ description: 'Rows that were deleted.' }),
    checkpoint: Nullable(AuditCheckpoint, {
      description: 'The end of its audit trail, signed. An export or an earlier checkpoint can be compared with it.',
    }),
  },
  { $id: 'DeletedWorkspace' },
);
export type DeletedWorkspace = Static<typeof DeletedWorkspace>;
export const DeletedWorkspacePage = Type.Object({ workspaces: Type.Array(DeletedWorkspace), ...page });

export const WorkspaceExportQuery = Type.Object({
  after: Type.Optional(
    Type.String({ maxLength: 4000, pattern: '^[A-Za-z0-9_-]+$', description: '`next` of the page before.' }),
  ),
});
export const WorkspaceExport = Type.Object(
  {
    format: Type.Literal('policy-studio-workspace-1'),
    workspace: Type.String(),
    at: Timestamp,
    items: Type.Array(
      Type.Object({
        table: Type.String({ description: 'A table of the server: `bundle`, `decision`, `event`.' }),
        row: Type.Record(Type.String(), Type.Unknown()),
      }),
    ),
    next: Nullable(Type.String(), { description: 'Where the next page begins; null: this was the last.' }),
  },
  { $id: 'WorkspaceExport' },
);
export type WorkspaceExport = Static<typeof WorkspaceExport>;
