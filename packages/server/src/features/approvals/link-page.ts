import type { RuleInput } from '@policy-studio/engine';
import { escapeHtml, htmlPage, withCode } from '../../http/page.js';
import type { ChangedRules } from './changed-rules.js';
import type { Ended, Opened } from './link-decision.js';
import { linkPath } from './links.js';
import type { ApprovalRow } from './queries.js';
import { stateOf } from './status.js';
import { missing, statusAt } from './transition.js';

/** What of a subject is shown; longer ones are cut. */
const maxSubjectChars = 8_000;

const kinds: Readonly<Record<ApprovalRow['kind'], string>> = {
  activation: 'Bring a bundle into force',
  list: 'Change a list',
  settings: 'Change settings',
  action: 'Let an agent act',
};

/** The request, and a form to decide it, or why there is none. */
export function requestPage(opened: Opened & { readonly kind: 'open' }, token: string, now: Date): string {
  const { link, row, changes } = opened;
  const refused = opened.refused?.detail ?? null;
  const decide =
    refused === null ? form(link.approver, token) : `<h2>You cannot decide it</h2>\n<p>${withCode(refused)}.</p>`;
  const rules = changes === null ? '' : `${changedText(changes)}\n`;
  return page(`${kinds[row.kind]}?`, `${facts(row, now)}\n${rules}${decide}`);
}

/** After a decision. */
export function decidedPage(row: ApprovalRow, verdict: 'approve' | 'reject', approver: string): string {
  const said = verdict === 'approve' ? 'approved' : 'rejected';
  const open = row.status === 'pending' ? ` It waits for ${withCode(missing(stateOf(row)).join(', and '))}.` : '';
  return page(
    `You have ${said} it`,
    `<p>Approval ${row.id} is <strong>${row.status}</strong>, decided as ${escapeHtml(approver)}.${open}</p>
<p class="dim">This link has served and works no more. You can close this page.</p>`,
  );
}

const endings: Readonly<Record<Ended, readonly [string, string]>> = {
  used: ['This link was used', 'Each link decides once. Nothing happened now.'],
  revoked: ['This link works no more', 'It was revoked, or the request was decided without it. Nothing happened now.'],
  expired: ['This link has expired', 'Ask whoever sent it for another one.'],
};

export function endedPage(why: Ended): string {
  const [title, text] = endings[why];
  return page(title, `<p>${text}</p>`);
}

export function unknownPage(): string {
  return page(
    'This link is not valid',
    '<p>Look whether all of it was copied, or ask whoever sent it for another one.</p>',
  );
}

export function lockedPage(seconds: number): string {
  return page(
    'Too many wrong links',
    `<p>They came from your address. Try again in ${Math.ceil(seconds)} seconds.</p>`,
  );
}

/** What was sent cannot be taken as a decision. */
export function faultPage(message: string): string {
  return page('That decides nothing', `<p>${withCode(message)}</p>`);
}

function page(title: string, body: string): string {
  return htmlPage('', title, `<h1>${escapeHtml(title)}</h1>\n${body}`);
}

function facts(row: ApprovalRow, now: Date): string {
  const { id, risk, requested_by, justification, rollback_plan, quorum, votes, expires_at, prediction } = row;
  const given = votes.filter(({ verdict }) => verdict === 'approve').length;
  const status = statusAt({ status: row.status, expiresAt: expires_at }, now);
  const lines: [string, string][] = [
    ['Approval', `${id}, ${status}`],
    ['Asked for by', requested_by],
    ['Why', justification],
    ['Risk', risk],
    ...(rollback_plan === '' ? [] : [['Way back', rollback_plan] as [string, string]]),
    ['Approved by', `${given} of ${quorum}`],
    ['Until', expires_at.toISOString()],
    ...(prediction === null ? [] : [['Asks of people', prediction.sentence] as [string, string]]),
  ];
  const listed = lines.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('\n');
  return `<dl>\n${listed}\n<dt>What exactly</dt><dd><pre><code>${escapeHtml(subjectText(row))}</code></pre></dd>\n</dl>`;
}

/** Rules that are shown of each kind of change. */
const maxRules = 50;

/** The rules that an activation changes, as text: added, removed, changed. */
function changedText({ version, inForce, summary, ...changes }: ChangedRules): string {
  const { added, removed, modified, unchanged } = summary;
  const marked = (mark: string, rules: readonly RuleInput[]) => [
    ...rules.slice(0, maxRules).map((rule) => ruleText(mark, rule)),
    ...(rules.length > maxRules ? [`${mark} and ${rules.length - maxRules} more`] : []),
  ];
  const lines = [
    ...marked('+', changes.rules_added),
    ...marked('-', changes.rules_removed),
    ...marked(
      '~',
      changes.rules_modified.map(({ after }) => after),
    ),
  ];
  const against = inForce === null ? 'nothing is in force' : `compared with ${inForce}, which is in force`;
  const counts = `${added} added, ${removed} removed, ${modified} changed, ${unchanged} as before`;
  return `<h2>Rules of bundle ${escapeHtml(version)}</h2>
<p>${counts}; ${escapeHtml(against)}.</p>
<pre><code>${escapeHtml(lines.join('\n') || 'no rule is another')}</code></pre>`;
}

function ruleText(mark: string, { id, agent, action, effect, reason = '' }: RuleInput): string {
  return `${mark} ${id}: ${effect} ${agent} ${action}${reason === '' ? '' : ` (${reason})`}`;
}

/** What is approved, as it is kept: sensitive values were left out when it was asked for. */
function subjectText({ subject }: ApprovalRow): string {
  const { kind: _, ...rest } = subject;
  const text = JSON.stringify(rest, null, 2);
  return text.length <= maxSubjectChars
    ? text
    : `${text.slice(0, maxSubjectChars)}\n… (${text.length} characters in all)`;
}

function form(approver: string, token: string): string {
  return `<form method="post" action="${linkPath}">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<p>You decide as <strong>${escapeHtml(approver)}</strong>, and it is recorded as yours. The link serves once.</p>
<label for="comment">Comment <span class="dim">(needed to reject)</span></label>
<textarea id="comment" name="comment" rows="3" maxlength="2000"></textarea>
<button name="verdict" value="approve">Approve</button>
<button name="verdict" value="reject">Reject</button>
</form>`;
}
