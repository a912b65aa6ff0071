import type { TSchema } from 'typebox';
import type { Operation } from './operation.js';
import { Problem, type ProblemCode, problemCodes } from './problem.js';
import { ApiKey } from './schemas/access.js';
import { Approval } from './schemas/approval.js';
import { ApproverGroup } from './schemas/approver-group.js';
import { AuditCheckpoint, AuditEntry } from './schemas/audit.js';
import { Budgets } from './schemas/budget.js';
import { Bundle, BundleLint, Snapshot } from './schemas/bundle.js';
import { Catalog, CatalogAction, CatalogAgent, CatalogImport } from './schemas/catalog.js';
import { Channel, Delivery } from './schemas/channel.js';
import { Decision, DecisionRecord, EvaluateRequest } from './schemas/decision.js';
import { BundleDiff, SemanticDiff } from './schemas/diff.js';
import { BundlePin, EmergencySwitch, Pin, PinnedBundle } from './schemas/emergency.js';
import { Evidence, EvidenceStatement } from './schemas/evidence.js';
import { BundleExport, Envelope, ExportedBundle, TrustedKey } from './schemas/exchange.js';
import { FreezeWindow } from './schemas/freeze-window.js';
import { BrowserSession, Member } from './schemas/identity.js';
import { Incident, IncidentSummary, PostMortem } from './schemas/incident.js';
import { Job } from './schemas/job.js';
import { Finding, LintReport, SuppressedFinding } from './schemas/lint.js';
import { NamedListDocument } from './schemas/list.js';
import { WouldDeny } from './schemas/observation.js';
import { Provenance } from './schemas/provenance.js';
import {
  DecisionSummary,
  PolicyReport,
  RolloutChanges,
  RolloutSeries,
  RolloutTimeline,
  RuleUsage,
} from './schemas/report.js';
import { CanaryStatus, Gate, GateCheck, RollbackResult, RolloutDocument, RolloutSummary } from './schemas/rollout.js';
import { Settings } from './schemas/settings.js';
import { Comparison, MutationCoverage, Simulation, SimulationCase } from './schemas/simulation.js';
import { Replica, System } from './schemas/system.js';
import { DeletedWorkspace, Quotas, Workspace, WorkspaceExport } from './schemas/workspace.js';

/** Schemas that are named in the document and referred to wherever they stand. */
const named: readonly TSchema[] = [
  Problem,
  Bundle,
  BundleLint,
  Provenance,
  BundleExport,
  ExportedBundle,
  Envelope,
  TrustedKey,
  Evidence,
  EvidenceStatement,
  BundleDiff,
  SemanticDiff,
  LintReport,
  Finding,
  SuppressedFinding,
  Catalog,
  CatalogAgent,
  CatalogAction,
  CatalogImport,
  NamedListDocument,
  Snapshot,
  ApiKey,
  Member,
  BrowserSession,
  Approval,
  ApproverGroup,
  Incident,
  IncidentSummary,
  PostMortem,
  Settings,
  AuditEntry,
  AuditCheckpoint,
  Channel,
  Delivery,
  Decision,
  DecisionRecord,
  EvaluateRequest,
  Budgets,
  SimulationCase,
  Simulation,
  Comparison,
  MutationCoverage,
  Job,
  RolloutDocument,
  RolloutSummary,
  Gate,
  GateCheck,
  CanaryStatus,
  RollbackResult,
  DecisionSummary,
  PolicyReport,
  RolloutSeries,
  RolloutChanges,
  RolloutTimeline,
  RuleUsage,
  FreezeWindow,
  System,
  Replica,
  Workspace,
  Quotas,
  DeletedWorkspace,
  WorkspaceExport,
  Pin,
  BundlePin,
  PinnedBundle,
  EmergencySwitch,
  WouldDeny,
];
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * The OpenAPI 3.1 document of `operations`, in the order given. Schemas with an `$id` become components.
 * Pure: the same operations give the same document, which is committed and compared in the tests.
 */
export function openApiDocument(operations: readonly Operation[], version: string): Json {
  const paths: { [path: string]: { [method: string]: Json } } = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    paths[operation.path]![operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Policy Studio',
      version,
      summary: 'Decides what AI agents may do, and makes changing those rules safe.',
      description: [
        'Send `Authorization: Bearer <API key>`; what a key may do is told by its role, named with each operation.',
        'A key belongs to one workspace. `ADMIN_TOKEN` is the admin of all and selects one by `X-Workspace` (default `default`).',
        'A browser signs in by `POST /policy/sign-in` and is known by a cookie; what changes something then needs the header `X-CSRF-Token`, from `GET /policy/session`.',
        'What a key may still ask in this minute stands in `RateLimit` and `RateLimit-Policy`; beyond it the answer is 429 with `Retry-After`. Decisions are not counted so.',
        'Bodies are JSON, unknown members are refused. Every error is a problem (RFC 9457) with a `code` from [the list](docs/problems).',
      ].join('\n\n'),
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }, { session: [] }],
    tags: [...new Set(operations.map((operation) => operation.tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key, ADMIN_TOKEN, or a JWT of the issuer this server trusts.',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-policy_session',
          description: 'Of a browser that is signed in; `policy_session` where the server is reached without TLS.',
        },
      },
      schemas: Object.fromEntries(named.map((schema) => [idOf(schema)!, inline(schema)])),
    },
  };
}

const accessNames = { public: 'public', instance: 'none; ADMIN_TOKEN is needed' } as const;

function describe(operation: Operation): Json {
  const responses: { [status: string]: Json } = {
    [operation.status]: operation.response
      ? {
          description: operation.summary,
          content: {
            'application/json': { schema: reference(operation.response) },
            ...(operation.stream ? { 'text/event-stream': { schema: reference(operation.stream) } } : {}),
          },
        }
      : { description: 'Done; no body.' },
  };
  if (operation.deferred) {
    responses[operation.deferred.status] = {
      description: 'Too much to wait for: it goes on as a job, whose place is in `location`.',
      headers: { location: { description: 'Where the job is.', schema: { type: 'string' } } },
      content: { 'application/json': { schema: reference(operation.deferred.response) } },
    };
  }
  for (const [status, codes] of problemsByStatus(operation)) {
    responses[status] = {
      description: codes.map((code) => `\`${code}\`: ${problemCodes[code].title}`).join('; '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  const parameters = [
    ...parametersOf('path', operation.params),
    ...parametersOf('query', operation.query),
    ...parametersOf('header', operation.headers),
  ];
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    description: `${operation.description ? `${operation.description}\n\n` : ''}Roles: ${
      typeof operation.access === 'string' ? accessNames[operation.access] : operation.access.join(', ')
    }.`,
    ...(operation.access === 'public' ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(operation.body
      ? {
          requestBody: {
            required: !operation.bodyOptional,
            content: { 'application/json': { schema: reference(operation.body) } },
          },
        }
      : {}),
    responses,
  };
}

/** The operation's own problems and those that every operation of its kind can meet, by status, ascending. */
function problemsByStatus(operation: Operation): [string, ProblemCode[]][] {
  const codes = new Set<ProblemCode>(operation.problems);
  if (operation.access !== 'public')
    for (const code of ['unauthenticated', 'forbidden', 'rate_limited', 'database_unavailable'] as const)
      codes.add(code);
  codes.add('shutting_down');
  codes.add('internal');
  if (operation.params || operation.query || operation.body) codes.add('validation_failed');
  if (operation.body)
    for (const code of ['bad_request', 'too_large', 'unsupported_media_type'] as const) codes.add(code);
  const byStatus = new Map<string, ProblemCode[]>();
  for (const code of [...codes].sort()) {
    const status = String(problemCodes[code].status);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return [...byStatus].sort(([a], [b]) => Number(a) - Number(b));
}

function parametersOf(place: 'path' | 'query' | 'header', schema: TSchema | undefined): Json[] {
  if (!schema) return [];
  const { properties, required = [] } = schema as unknown as {
    properties: Record<string, TSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required:
      place === 'path' || (required.includes(name) && (property as { default?: unknown }).default === undefined),
    schema: reference(property),
  }));
}

function idOf(schema: TSchema): string | undefined {
  return (schema as { $id?: string }).$id;
}

function reference(schema: TSchema): Json {
  const id = idOf(schema);
  return id === undefined ? inline(schema) : { $ref: `#/components/schemas/${id}` };
}

/** Plain JSON of a schema, nested named schemas replaced by references. TypeBox keeps its own marks in hidden properties, which JSON drops. */
function inline(schema: TSchema): Json {
  const walk = (value: Json, top: boolean): Json => {
    if (Array.isArray(value)) return value.map((item) => walk(item, false));
    if (value === null || typeof value !== 'object') return value;
    if (!top && typeof value.$id === 'string') return { $ref: `#/components/schemas/${value.$id}` };
    if (typeof value.$ref === 'string' && !value.$ref.startsWith('#'))
      return { $ref: `#/components/schemas/${value.$ref}` };
    const entries = Object.entries(value).filter(([key]) => !(top && key === '$id'));
    // Readers of the document want to know what an enumeration is made of; TypeBox leaves it to the values.
    const stated = Array.isArray(value.enum) && value.type === undefined ? [['type', 'string'] as const] : [];
    return Object.fromEntries([...stated, ...entries.map(([key, item]) => [key, walk(item, false)] as const)]);
  };
  return walk(JSON.parse(JSON.stringify(schema)) as Json, true);
}
