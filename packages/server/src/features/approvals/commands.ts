import {
  type Approval,
  type BodyOf,
  type operations,
  type ProblemItem,
  PutSettings,
  type Risk,
} from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { validator } from '../../http/validation.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import {
  type Activatable,
  activatable,
  activationSubject,
  type BundleHead,
  bundleHead,
  findingsOutdated,
  type LintedBundle,
  lintedBundle,
} from '../bundles/queries.js';
import { recordChange } from '../events/transaction.js';
import { listChangeAsked } from '../lists/queries.js';
import { protectedSettings, type SettingValues, settingFaults, settingsOf } from '../settings/queries.js';
import { predictedApprovals } from '../simulation/queries.js';
import { askGroups } from './asked.js';
import { documentOf, noApproval } from './document.js';
import { approvalById } from './queries.js';
import { type Subject, settingsSubject, subjectDigest } from './transaction.js';
import { higherRisk, quorumFor } from './transition.js';
import { type Decision, decide } from './vote.js';

const hourMs = 3600 * 1000;
const defaults = { initialPct: 10, risk: 'medium', hours: 24 } as const;

type Request = BodyOf<typeof operations.createApproval>;

/** What is asked for, and the least risk it has whatever the request states. */
interface Asked {
  readonly subject: Subject;
  readonly risk: Risk | null;
  readonly bundleId: number | null;
  readonly initialPct: number | null;
}

/** Asks people for a yes to exactly one change. */
export async function createApproval(services: Services, caller: Caller, body: Request): Promise<Approval | Refusal> {
  const { db, clock, config } = services;
  const now = clock.now();
  const { workspaceId, owner } = caller;
  const ready = body.kind === 'activation' ? await readyFor(services, workspaceId, body.bundle_id) : null;
  if (ready instanceof Refusal) return ready;
  const prediction = ready
    ? await predictedApprovals(services, workspaceId, { inForce: ready.inForce, bundleId: ready.bundle.id })
    : null;
  return withTransaction(db.pool, async (tx) => {
    const settings = await settingsOf(tx, config, workspaceId);
    const asked = await whatIsAsked(tx, services, { workspaceId, body, ready, defaultEffect: settings.default_effect });
    if (asked instanceof Refusal) return asked;
    const risk = higherRisk(body.risk ?? defaults.risk, asked.risk ?? 'low');
    const quorum = quorumFor(risk, settings.four_eyes, body.min_approvers);
    const expiresAt = new Date(now.getTime() + (body.expires_in_hours ?? defaults.hours) * hourMs);
    const digest = subjectDigest(asked.subject);
    const { rows } = await tx.query<{ id: number }>(
      `insert into approval (workspace_id, kind, subject, subject_digest, bundle_id, initial_pct, justification, risk,
                             rollback_plan, quorum, four_eyes, requested_by, created_at, expires_at, prediction)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) returning id`,
      [
        workspaceId,
        body.kind,
        JSON.stringify(asked.subject),
        digest,
        asked.bundleId,
        asked.initialPct,
        body.justification,
        risk,
        body.rollback_plan ?? '',
        quorum,
        settings.four_eyes,
        owner,
        now,
        expiresAt,
        prediction && JSON.stringify(prediction),
      ],
    );
    const { id } = rows[0] as { id: number };
    const { kind } = body;
    const groups = await askGroups(tx, { workspaceId, approvalId: id, kind, risk, bundleId: asked.bundleId, now });
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor: owner,
      kind: 'approval.requested',
      subject: `approval/${id}`,
      data: { kind, subject_digest: digest, bundle_id: asked.bundleId, risk, quorum, groups },
    });
    return documentOf(tx, workspaceId, id, now);
  });
}

interface Question {
  readonly workspaceId: number;
  readonly body: Request;
  /** The bundle to activate. */
  readonly ready: Activatable | null;
  readonly defaultEffect: string;
}

async function whatIsAsked(tx: PoolClient, services: Services, question: Question): Promise<Asked | Refusal> {
  const { body, workspaceId } = question;
  const other = { risk: null, bundleId: null, initialPct: null };
  switch (body.kind) {
    case 'activation':
      return activationAsked(tx, services, question, {
        initialPct: body.initial_pct ?? defaults.initialPct,
        onBreach: body.on_breach ?? 'rollback',
      });
    case 'list': {
      const subject = await listChangeAsked(tx, workspaceId, body);
      return subject instanceof Refusal ? subject : { ...other, subject };
    }
    case 'settings': {
      const faults = settingsNotAskable(body.settings);
      if (faults.length > 0) return invalid(faults);
      return { ...other, subject: settingsSubject(body.settings) };
    }
  }
}

/** The bundle with its findings and risk, or why nobody can be asked to activate it. */
async function readyFor(services: Services, workspaceId: number, id: number): Promise<Activatable | Refusal> {
  const bundle = await lintedBundle(services.db.pool, workspaceId, id);
  return notAskable(bundle, id) ?? activatable(services, workspaceId, bundle as LintedBundle);
}

function notAskable(bundle: BundleHead | null, id: number): Refusal | null {
  const name = `bundle ${id}`;
  if (!bundle) return refuse('not_found', `there is no ${name}`, [{ path: '/bundle_id', message: 'is not known' }]);
  if (bundle.status === 'archived') return refuse('bundle_archived', `${name} is archived; create a new version`);
  if (bundle.empty) return refuse('empty_bundle', `${name} has no rules; add one first`);
  return null;
}

async function activationAsked(
  tx: PoolClient,
  { config }: Services,
  { workspaceId, ready, defaultEffect }: Question,
  plan: { readonly initialPct: number; readonly onBreach: 'rollback' | 'hold' },
): Promise<Asked | Refusal> {
  const { bundle: seen, risk } = ready as Activatable;
  const bundle = await bundleHead(tx, workspaceId, seen.id, 'for update');
  const refused = notAskable(bundle, seen.id);
  if (refused) return refused;
  const outdated = await findingsOutdated(tx, config, workspaceId, bundle as BundleHead);
  if (outdated) return outdated;
  return {
    subject: await activationSubject(tx, workspaceId, bundle as BundleHead, { defaultEffect, ...plan }),
    risk,
    bundleId: seen.id,
    initialPct: plan.initialPct,
  };
}

const checkSettings = validator(PutSettings, 'body');

/** Only what is protected needs an approval, so only that can be asked for. */
function settingsNotAskable(settings: Readonly<Record<string, unknown>>): ProblemItem[] {
  const wrong = checkSettings(structuredClone(settings), 0) ?? [];
  const free = Object.keys(settings)
    .filter((name) => !(protectedSettings as readonly string[]).includes(name))
    .map((name) => ({ path: `/${name}`, message: 'needs no approval: leave it out' }));
  const found = wrong.length > 0 ? wrong : [...free, ...settingFaults(settings as SettingValues)];
  return found.map((item) => ({ ...item, path: `/settings${item.path}` }));
}

/** Approves, rejects or withdraws; `comment` is kept with the vote. */
export async function decideApproval(
  { db, clock }: Services,
  caller: Caller,
  id: number,
  type: 'approve' | 'reject' | 'cancel',
  comment = '',
): Promise<Approval | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  const command: Decision['command'] =
    type === 'cancel' ? { type, by: owner, admin: caller.role === 'admin' } : { type, by: owner };
  return withTransaction(db.pool, async (tx) => {
    const row = await approvalById(tx, workspaceId, id, 'for update');
    if (!row) return noApproval(id);
    const refused = await decide(tx, { workspaceId, row, command, comment, linkMadeBy: null, now });
    return refused ?? documentOf(tx, workspaceId, id, now);
  });
}
