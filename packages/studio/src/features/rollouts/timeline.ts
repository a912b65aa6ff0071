import { type Change, changeWords } from '../../domain/change-words.js';
import { holdWords } from '../../domain/hold-words.js';

export interface TrailEntry extends Change {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
}

/** The entries of a trail that tell of one rollout: of itself, its bundle and its approval. */
export function entriesOf<T extends TrailEntry>(
  entries: readonly T[],
  { id, bundle_id, approval_id }: { id: number; bundle_id: number; approval_id: number | null },
): T[] {
  const subjects = new Set([`rollout/${id}`, `bundle/${bundle_id}`, `approval/${approval_id}`]);
  // An approval that is used and a bundle that is activated are the start of the rollout, told once.
  return entries.filter(
    ({ subject, kind }) => subjects.has(subject) && kind !== 'approval.used' && kind !== 'bundle.activated',
  );
}

/** What happened, as a clause after its actor; more of it than where changes of all kinds are listed. */
export function eventWords(entry: TrailEntry): string {
  const { kind, data } = entry;
  const share = shareOf(data.to);
  switch (kind) {
    case 'rollout.started':
      return share === 0 ? 'started it in shadow' : `started it at ${share} %`;
    case 'rollout.promoted':
      return `${data.asked === 'skip' ? 'skipped the gates and took it' : 'promoted it'} to ${share} %${reasonOf(data)}`;
    case 'rollout.skip_asked':
      return `asked to skip its gates${reasonOf(data)}`;
    case 'rollout.held':
      if (data.asked === 'pause') return `paused it${reasonOf(data)}`;
      return `holds it: ${holdWords(Array.isArray(data.holds) ? data.holds.map(String) : [])}`;
    case 'rollout.released':
      return data.asked === 'resume' ? 'resumed it' : 'goes on with it';
    case 'rollout.signed_off':
      return 'signed off what is newly allowed';
    case 'rollout.rolled_back':
    case 'rollout.aborted':
      return `rolled it back${reasonOf(data)}`;
    case 'rollout.completed':
      return 'completed it';
    case 'approval.requested':
      return 'asked for activation';
    case 'approval.approved':
    case 'approval.rejected':
      return `${kind === 'approval.approved' ? 'approved' : 'rejected'}${wordsOf(data.comment)}`;
    default:
      return changeWords(entry);
  }
}

function shareOf(to: unknown): number {
  return typeof to === 'object' && to !== null && 'share_pct' in to ? Number(to.share_pct) : 0;
}

/** Of a rollback it stands in what is recorded of that. */
function reasonOf({ reason, rollback }: Readonly<Record<string, unknown>>): string {
  const recorded = typeof rollback === 'object' && rollback !== null && 'reason' in rollback ? rollback.reason : '';
  return wordsOf(reason ?? recorded);
}

function wordsOf(text: unknown): string {
  return typeof text === 'string' && text.trim() !== '' ? `: ${text.trim()}` : '';
}
