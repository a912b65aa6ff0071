import { NamePattern, type Role } from '@policy-studio/contract';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Caller } from '../../caller.js';
import type { Clock } from '../../clock.js';
import { type Database, withTransaction } from '../../database/connection.js';
import type { Listener } from '../../listener.js';
import { looksOf } from '../../person.js';
import { Refusal, refuse } from '../../refusal.js';
import { recordChange } from '../events/transaction.js';
import { type Claims, claimOf, type JwtSettings, nameIn, rolesBy } from './claims.js';
import { hashOf } from './credential.js';
import type { Denials } from './denials.js';
import { createKeySet, KeysUnavailableError } from './key-set.js';
import { type MemberRow, memberColumns, workspaceIdByName } from './queries.js';
import { createRemembered, type Entry, type RememberingLimits, remember } from './remembered.js';
import { nameOfWorkspace } from './transaction.js';

const limits = {
  /** How long a token that was verified is believed without looking at its signature again. */
  verifiedMs: 5 * 60_000,
  clockToleranceSeconds: 60,
  agents: 100,
  seenMs: 60_000,
} as const;

/** Services are called apart from people, whom four eyes counts by their names. */
const prefix = 'service:';

/** Whether a credential is spelled like a JWT. */
export function isServiceToken(credential: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(credential);
}

export interface ServiceTokens {
  /** The service that shows a token, in the workspace it selects or the first it has a role in. */
  callerOf(token: string, workspace: string | null, address: string): Promise<Caller | Refusal>;
  /** Whether the token was verified lately. */
  has(token: string): boolean;
  forget(name: string): void;
  stop(): Promise<void>;
}

export interface ServiceTokensOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly listener: Listener;
  readonly limits: RememberingLimits;
  readonly denials: Denials;
  /** null: no issuer is trusted. */
  readonly settings: JwtSettings | null;
}

interface Verified {
  readonly claims: Claims;
  readonly subject: string;
  readonly untilMs: number;
}

interface Service {
  readonly row: MemberRow;
  readonly workspaceId: number;
}

/** Believes JWTs of one issuer, and knows each service that showed one as a member of its workspace. */
export function createServiceTokens(options: ServiceTokensOptions): ServiceTokens {
  const { db, clock, settings, denials } = options;
  const verified = new Map<string, Verified>();
  const services = createRemembered<Service>({
    ...options,
    namesOf: ({ row, workspaceId }) => [`member/${row.id}`, nameOfWorkspace(workspaceId)],
  });
  const writes = new Set<Promise<unknown>>();
  const keyOf = settings === null ? null : createKeySet({ clock, ...settings });

  const verify = async (token: string, { issuer, audience, algorithms }: JwtSettings): Promise<Verified | Refusal> => {
    const id = hashOf(token).toString('base64');
    const now = clock.now();
    const seen = verified.get(id);
    if (seen && seen.untilMs > now.getTime()) return seen;
    verified.delete(id);
    try {
      const { payload } = await jwtVerify(token, keyOf as NonNullable<typeof keyOf>, {
        issuer,
        audience,
        algorithms: [...algorithms],
        requiredClaims: ['exp', 'sub'],
        clockTolerance: limits.clockToleranceSeconds,
        currentDate: now,
      });
      const { exp, sub } = payload as Required<Pick<JWTPayload, 'exp' | 'sub'>>;
      const endMs = (exp + limits.clockToleranceSeconds) * 1000;
      const result = {
        claims: payload,
        subject: sub,
        untilMs: Math.min(endMs, now.getTime() + limits.verifiedMs),
      };
      remember(verified, id, result, options.limits.cachedCredentials);
      return result;
    } catch (error) {
      return refusalOf(error);
    }
  };

  const seen = (entry: Entry<Service>, role: Role, nowMs: number): void => {
    if (Math.abs(nowMs - entry.touchedMs) < limits.seenMs) return;
    entry.touchedMs = nowMs;
    const write = db.pool
      .query('update member set last_seen_at = $2, role = $3 where id = $1', [
        entry.value.row.id,
        new Date(nowMs),
        role,
      ])
      .catch(() => undefined)
      .finally(() => writes.delete(write));
    writes.add(write);
  };

  return {
    async callerOf(token, selected, address) {
      if (settings === null)
        return refuse('unauthenticated', 'this server trusts no issuer of tokens, send an API key');
      const found = await verify(token, settings);
      if (found instanceof Refusal) return found;
      const called = nameIn(found.subject);
      const name = called === null ? null : nameIn(`${prefix}${called}`);
      if (name === null) {
        return refuse('unauthenticated', 'the `sub` of this token is empty or longer than a name may be');
      }
      const roles = rolesBy(settings.grants, claimOf(found.claims, settings.rolesClaim));
      const workspace = selected ?? roles.keys().next().value;
      const role = workspace === undefined ? undefined : roles.get(workspace);
      if (workspace === undefined || role === undefined) {
        return refuse(
          'forbidden',
          `\`${settings.rolesClaim}\` of this token gives no role${selected === null ? ' anywhere' : ` in \`${selected.slice(0, 64)}\``}; see JWT_ROLES`,
        );
      }
      const agents = agentsOf(found.claims);
      if (agents === null) return refuse('forbidden', 'the `agents` of this token are not a list of name patterns');
      const nowMs = clock.now().getTime();
      const asked = { db, clock, issuer: settings.issuer, subject: found.subject, name, workspace, role };
      const entry = await services.get(`${workspace} ${found.subject}`, nowMs, () => serviceOf(asked));
      if (entry === null) return refuse('forbidden', `there is no workspace \`${workspace}\``);
      const { row, workspaceId } = entry.value;
      const caller = { workspaceId, workspace, owner: row.name, role, keyId: row.id, isMember: true, agents };
      if (row.removed_at !== null) {
        denials.note({ caller, what: 'come back', code: 'member_removed', address });
        return refuse('forbidden', `\`${row.name}\` was removed from \`${workspace}\`; an admin can add it again`);
      }
      seen(entry, role, nowMs);
      return caller;
    },
    has: (token) => (verified.get(hashOf(token).toString('base64'))?.untilMs ?? 0) > clock.now().getTime(),
    forget: services.forget,
    async stop() {
      await Promise.allSettled(writes);
    },
  };
}

interface Asked {
  readonly db: Database;
  readonly clock: Clock;
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly workspace: string;
  readonly role: Role;
}

/** The service as a member, made at its first token; null when there is no such workspace. */
async function serviceOf(asked: Asked): Promise<Service | null> {
  const { db, clock, issuer, subject, name, workspace, role } = asked;
  const workspaceId = await workspaceIdByName(db.pool, workspace);
  if (workspaceId === null) return null;
  const find = async (): Promise<MemberRow | null> => {
    const { rows } = await db.pool.query<MemberRow>(
      `select ${memberColumns} from member where workspace_id = $1 and issuer = $2 and subject = $3`,
      [workspaceId, issuer, subject],
    );
    return rows[0] ?? null;
  };
  const known = await find();
  if (known) return { row: known, workspaceId };
  const { capital, small } = looksOf(name);
  const made = await withTransaction(db.pool, async (tx) => {
    const values = [workspaceId, name, issuer, subject];
    const added = await tx.query<MemberRow>(
      `insert into member (workspace_id, kind, name, issuer, subject, looks_capital, looks_small, role, managed_by,
                           created_by, created_at)
       values ($1, 'service', $2, $3, $4, $5, $6, $7, 'claims', $2, $8) on conflict do nothing returning ${memberColumns}`,
      [...values, capital, small, role, clock.now()],
    );
    // Another issuer vouched for it before: this one is trusted now. Who was removed stays out.
    const moved = `update member set issuer = $3, subject = $4
      where workspace_id = $1 and name = $2 and kind = 'service' and (issuer <> $3 or subject <> $4)
      returning ${memberColumns}`;
    const row = added.rows[0] ?? (await tx.query<MemberRow>(moved, values)).rows[0];
    if (!row) return null;
    await recordChange(tx, {
      workspaceId,
      at: clock.now(),
      actor: name,
      kind: 'member.added',
      subject: `member/${row.id}`,
      data: { name, kind: 'service', role, issuer },
    });
    return row;
  });
  const row = made ?? (await find());
  if (row) return { row, workspaceId };
  throw refuse('forbidden', `\`${name}\` looks like another member of \`${workspace}\`; give the service another name`);
}

/** The agents a token may speak for: `*` unless it says. null when what it says is no list of patterns. */
function agentsOf({ agents }: Claims): readonly string[] | null {
  if (agents === undefined) return ['*'];
  const { pattern } = NamePattern as unknown as { pattern: string };
  const valid = new RegExp(pattern);
  if (!Array.isArray(agents) || agents.length > limits.agents) return null;
  return agents.every((agent) => typeof agent === 'string' && agent.length <= 128 && valid.test(agent)) ? agents : null;
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof KeysUnavailableError) {
    return refuse(
      'identity_provider_unavailable',
      'the issuer of this token cannot be asked for its keys now, try again',
    );
  }
  if (error instanceof errors.JWTExpired) return refuse('unauthenticated', 'this token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refuse('unauthenticated', `the claim \`${error.claim}\` of this token will not do here (${error.reason})`);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refuse('unauthenticated', 'this token is signed by an algorithm that is not taken here, see JWT_ALGORITHMS');
  }
  if (error instanceof errors.JOSEError) return refuse('unauthenticated', 'this token is not signed by its issuer');
  throw error;
}
