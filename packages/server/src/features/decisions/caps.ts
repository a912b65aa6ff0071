import type { Cap, CapSaid } from '@policy-studio/contract';
import { mayActAs } from '../access/queries.js';
import type { Enforced } from '../enforcement/queries.js';

/** Undefined: not limited. */
export interface Limits {
  readonly spend: number | undefined;
  readonly calls: number | undefined;
}

/** What a request must fit under: the lowest of the limits of each scope. */
export type LimitsByScope = Readonly<Record<Cap['scope'], Limits>>;

type Capped = Pick<Enforced, 'caps' | 'costBudget24h'>;

/** The caps that apply to an agent; null when there are none. */
export function limitsOf({ caps, costBudget24h }: Capped, agent: string): LimitsByScope | null {
  if (caps.length === 0 && costBudget24h === null) return null;
  const found: Record<Cap['scope'], { spend: number | undefined; calls: number | undefined }> = {
    workspace: { spend: costBudget24h ?? undefined, calls: undefined },
    agent: { spend: undefined, calls: undefined },
    session: { spend: undefined, calls: undefined },
  };
  for (const cap of caps) {
    if (cap.scope === 'agent' && !mayActAs({ agents: [cap.agent ?? '*'] }, agent)) continue;
    const limits = found[cap.scope];
    limits.spend = lower(limits.spend, cap.spend);
    limits.calls = lower(limits.calls, cap.calls);
  }
  return found;
}

function lower(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

/** Who asks, as far as caps go. */
export interface Spender {
  readonly agent: string;
  readonly keyId: number;
  /** null: none was given, or it cannot be trusted. */
  readonly session: string | null;
}

/** What the caps on sessions count: a session; or a key with an agent for one day, where there is no session. */
export interface SessionAccount {
  readonly name: string;
  readonly daily: boolean;
}

/** No session begins like this: control characters are refused in them. */
const withoutSession = '\u0001';

export function sessionAccount({ agent, keyId, session }: Spender, day: string): SessionAccount {
  if (session !== null) return { name: session, daily: false };
  return { name: `${withoutSession}${keyId} ${agent} ${day}`, daily: true };
}

/** An account as people are to read it. */
export function accountText(account: string): string {
  if (!account.startsWith(withoutSession)) return account;
  const [keyId, agent] = account.slice(withoutSession.length).split(' ');
  return `(no session) key ${keyId}, agent ${agent}`;
}

/** The composite type `decision_caps` of the database, by name; what is left out is null there. */
export interface RowCaps {
  readonly workspace_spend?: number;
  readonly workspace_calls?: number;
  readonly agent_spend?: number;
  readonly agent_calls?: number;
  readonly session_spend?: number;
  readonly session_calls?: number;
  readonly exempt?: true;
  readonly account?: string;
  readonly daily?: true;
  readonly begins_at: string;
  readonly ends_at: string;
  readonly epoch: number;
}

/**
 * What the record of an allowed decision of that price (USD) must fit under; null: nothing. `exempt`: it is answered
 * whatever the caps say, and counts.
 */
export function rowCaps(
  inForce: Pick<Enforced, 'caps' | 'capsEpoch' | 'costBudget24h' | 'calendarDay' | 'dayBounds'>,
  spender: Spender,
  { price, exempt, nowMs }: { readonly price: number; readonly exempt: boolean; readonly nowMs: number },
): RowCaps | null {
  const limits = limitsOf(inForce, spender.agent);
  if (limits === null) return null;
  const { workspace, agent, session } = limits;
  const spends = price > 0;
  const applying = {
    ...(spends && workspace.spend !== undefined && { workspace_spend: workspace.spend }),
    ...(workspace.calls !== undefined && { workspace_calls: workspace.calls }),
    ...(spends && agent.spend !== undefined && { agent_spend: agent.spend }),
    ...(agent.calls !== undefined && { agent_calls: agent.calls }),
    ...(spends && session.spend !== undefined && { session_spend: session.spend }),
    ...(session.calls !== undefined && { session_calls: session.calls }),
  };
  if (Object.keys(applying).length === 0) return null;
  const ofSession = applying.session_spend !== undefined || applying.session_calls !== undefined;
  const account = ofSession ? sessionAccount(spender, inForce.calendarDay(nowMs)) : null;
  const { beginsMs, endsMs } = inForce.dayBounds(nowMs);
  return {
    ...applying,
    ...(exempt && { exempt: true as const }),
    ...(account?.daily && { account: account.name, daily: true as const }),
    begins_at: new Date(beginsMs).toISOString(),
    ends_at: new Date(endsMs).toISOString(),
    epoch: inForce.capsEpoch,
  };
}

/** Whether caps can refuse what has these, so that only the database can say that it fits. */
export function reserves(caps: RowCaps | null | undefined): boolean {
  return caps !== null && caps !== undefined && caps.exempt === undefined;
}

/** A cap that refused a decision, as `record_decisions` tells and keeps it. */
export interface CapRefusal extends Omit<CapSaid, 'left'> {
  /** The day, or `life` of a session. */
  readonly period: string;
}

/** The cap as clients are told of it. */
export function capSaid({ period: _, ...refusal }: CapRefusal): CapSaid {
  return {
    ...refusal,
    subject: refusal.subject && accountText(refusal.subject),
    left: leftOf(refusal.limit, refusal.used),
  };
}

/** What is left of a limit, without the dust of binary fractions. */
export function leftOf(limit: number, used: number): number {
  return Math.max(0, plain(limit - used));
}

function plain(amount: number): number {
  return Math.abs(amount) < 1e9 ? Number(amount.toFixed(9)) : amount;
}

/** One sentence: which cap, how much of it is left, when it begins anew. */
export function capSentence(refusal: CapRefusal): string {
  const { scope, measure, subject, limit, left, asked, resets_at: resets } = capSaid(refusal);
  const who = { workspace: 'the workspace', agent: `the agent \`${subject}\``, session: `the session \`${subject}\`` }[
    scope
  ];
  const span = resets === null ? 'in all' : 'a day';
  const again = resets === null ? 'it does not begin anew' : `it begins anew at ${resets}`;
  if (measure === 'calls') return `the cap of ${limit} allowed calls ${span} of ${who} is used up; ${again}`;
  return `the cap of ${usd(limit)} ${span} of ${who} leaves ${usd(left)}, and this costs ${usd(asked)}; ${again}`;
}

function usd(amount: number): string {
  return `${plain(amount)} USD`;
}
