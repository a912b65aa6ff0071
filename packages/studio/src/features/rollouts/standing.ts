import type { Answer } from '../../api/client.js';
import { holdWords } from '../../domain/hold-words.js';
import { isOver } from '../../domain/rollout-phase.js';
import { countText, durationText, momentText } from '../../ui/figures.js';
import { sentence } from '../../ui/states.js';

type Rollout = Answer<'rollouts', 'getRollout'>;
type Told =
  | 'phase'
  | 'version'
  | 'previous_version'
  | 'share_pct'
  | 'next_step_pct'
  | 'holds'
  | 'sign_off'
  | 'dwell_seconds'
  | 'dwelled_seconds'
  | 'end_reason';

/** What it takes to say where a rollout stands. */
export interface StandingRollout extends Pick<Rollout, Told> {
  readonly gates: readonly Pick<Rollout['gates'][number], 'verdict' | 'sentence'>[];
}

export interface Standing {
  /** `holding` and `asking` need somebody or something, `going` needs time alone. */
  readonly mood: 'going' | 'holding' | 'asking' | 'harmed' | 'done';
  readonly title: string;
  readonly why: string;
}

/** Where a rollout is and why, in one heading and one line. */
export function standingOf(rollout: StandingRollout): Standing {
  const { phase, sign_off, gates, share_pct } = rollout;
  if (isOver(phase)) return ended(rollout);
  const place = placeOf(rollout);
  const open = gates.filter(({ verdict }) => verdict !== 'pass');
  const holds = holdsNow(rollout, open.length);
  const evidence = open.slice(0, 2).map(({ sentence: words }) => sentence(words));
  const left = timeLeft(rollout);
  if (sign_off === 'needed') {
    return {
      mood: 'asking',
      title: 'Waiting for somebody to sign off',
      why: `${rollout.version ?? 'The bundle'} newly allows actions of high risk. Before it gets a share of the traffic, a person takes responsibility for them.`,
    };
  }
  if (holds.length > 0) {
    const reasons = holds.length + (left > 0 ? 1 : 0);
    return {
      mood: 'holding',
      title: reasons > 1 ? `Holding ${place} for ${countText(reasons, 'reason')}` : `Holding ${place}`,
      why: [
        sentence(holdWords(holds)),
        ...evidence,
        left > 0 ? `This step has ${durationText(left)} still to run.` : '',
      ]
        .filter((part) => part !== '')
        .join(' '),
    };
  }
  const next = nextWords(rollout);
  const wait = left > 0 ? `${next} in ${durationText(left)} at the earliest.` : `${next} within a minute.`;
  const gatesSay = open.length === 0 ? 'All gates pass.' : evidence.join(' ');
  const watches =
    share_pct === 0 ? `${rollout.version ?? 'It'} decides nothing yet: it goes on when somebody promotes it.` : wait;
  return {
    mood: 'going',
    title: share_pct === 0 ? 'Watching in shadow' : `Going on ${place}`,
    why: `${gatesSay} ${watches}`,
  };
}

/** What gates alone hold. */
const heldByGates: readonly string[] = ['inconclusive', 'failing', 'telemetry', 'ratio-mismatch', 'environmental'];

/** Gates are read with every answer, holds are renewed every few seconds: once all gates pass, theirs are over. */
function holdsNow({ holds }: StandingRollout, openGates: number): readonly string[] {
  return openGates > 0 ? holds : holds.filter((hold) => !heldByGates.includes(hold));
}

/** Healthy time that the step still needs, seconds. */
export function timeLeft({
  dwell_seconds,
  dwelled_seconds,
}: Pick<Rollout, 'dwell_seconds' | 'dwelled_seconds'>): number {
  return Math.max(0, dwell_seconds - dwelled_seconds);
}

/** Of the steps ahead: when the next can begin at the earliest, and how long all traffic is watched. */
export function aheadOf(
  rollout: Pick<Rollout, 'share_pct' | 'next_step_pct' | 'dwell_seconds' | 'dwelled_seconds' | 'plan'>,
  now: Date,
): Readonly<Record<number, string>> {
  const { next_step_pct, share_pct, plan } = rollout;
  const left = timeLeft(rollout);
  const at = momentText(new Date(now.getTime() + left * 1000), now);
  const bake = plan.bake_hours === 0 ? {} : { 100: `bakes for ${durationText(plan.bake_hours * 3600)}` };
  const next = next_step_pct === null || share_pct === 0 || left === 0 ? {} : { [next_step_pct]: `earliest ${at}` };
  return { ...bake, ...next };
}

function placeOf({ phase, share_pct }: StandingRollout): string {
  if (phase === 'baking') return 'at 100 %';
  return share_pct === 0 ? 'in shadow' : `at ${share_pct} %`;
}

function nextWords({ next_step_pct }: StandingRollout): string {
  return next_step_pct === null ? 'Completed' : `On to ${next_step_pct} %`;
}

function ended({ phase, version, previous_version, end_reason }: StandingRollout): Standing {
  const name = version ?? 'The bundle';
  const before = previous_version ?? 'The built-in safe bundle';
  const why = end_reason === null ? '' : sentence(end_reason);
  switch (phase) {
    case 'rolled_back':
    case 'aborted':
      return { mood: 'harmed', title: `Rolled back: ${before} decides everything`, why };
    case 'superseded':
      return { mood: 'done', title: `Superseded: another activation took the place of ${name}`, why };
    default:
      return { mood: 'done', title: `Completed: ${name} decided everything from then on`, why };
  }
}
