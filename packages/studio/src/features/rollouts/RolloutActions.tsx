import { ActionIcon, Menu } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import {
  IconArrowBackUp,
  IconDots,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerTrackNext,
  IconSignature,
} from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { type Answer, client } from '../../api/client.js';
import { faultOf } from '../../api/query-client.js';
import { useRefusal } from '../../api/session.js';
import { isOver } from '../../domain/rollout-phase.js';
import { ActionButton } from '../../ui/ActionButton.js';
import { ConfirmDialog, ReasonDialog } from '../../ui/dialogs.js';
import { durationText } from '../../ui/figures.js';
import { timeLeft } from './standing.js';

type Rollout = Answer<'rollouts', 'getRollout'>;
type Action = Rollout['allowed_actions'][number];

interface Command {
  readonly action: Action;
  readonly reason: string;
}

/** What a person can do with a rollout. What the server would refuse now says why. */
export function RolloutActions({ rollout }: { readonly rollout: Rollout }) {
  const [asking, setAsking] = useState<Action | null>(null);
  const refusal = useRefusal('promoteRollout');
  const signOffRefusal = useRefusal('signOffRollout');
  const { phase, allowed_actions, holds, sign_off, next_step_pct } = rollout;
  const change = useMutation({
    mutationFn: (command: Command) => run(rollout, command),
    onSuccess: (message) => {
      setAsking(null);
      notifications.show({ message });
    },
  });
  const ask = (action: Action): void => {
    change.reset();
    setAsking(action);
  };
  const may = (action: Action): boolean => allowed_actions.includes(action);
  if (isOver(phase) && !may('rollback')) return null;
  const paused = holds.includes('operator');
  return (
    <>
      <ActionButton
        color="red"
        variant="outline"
        leftSection={<IconArrowBackUp size={16} />}
        disabledBecause={may('rollback') ? null : (refusal ?? 'Nothing is left to roll back')}
        onClick={() => ask('rollback')}
      >
        Roll back
      </ActionButton>
      {isOver(phase) ? null : (
        <>
          <ActionButton
            leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
            disabledBecause={
              may(paused ? 'resume' : 'pause') ? null : (refusal ?? 'The server does not take this command now')
            }
            onClick={() => ask(paused ? 'resume' : 'pause')}
          >
            {paused ? 'Resume' : 'Pause'}
          </ActionButton>
          {sign_off === 'needed' ? (
            <ActionButton
              variant="filled"
              leftSection={<IconSignature size={16} />}
              disabledBecause={
                may('sign_off') ? null : (signOffRefusal ?? 'Somebody else than who activated it has to sign off')
              }
              onClick={() => ask('sign_off')}
            >
              Sign off
            </ActionButton>
          ) : (
            <ActionButton
              variant={may('promote') ? 'filled' : 'default'}
              disabledBecause={may('promote') ? null : (refusal ?? whyNotPromoted(rollout))}
              onClick={() => ask('promote')}
            >
              {next_step_pct === null ? 'Complete' : `Promote to ${next_step_pct} %`}
            </ActionButton>
          )}
          {may('skip') ? <MoreActions onSkip={() => ask('skip')} /> : null}
        </>
      )}
      <Dialogs
        rollout={rollout}
        asking={asking}
        onClose={() => setAsking(null)}
        busy={change.isPending}
        fault={change.error ? faultOf(change.error).detail : null}
        onConfirm={(reason) => asking !== null && change.mutate({ action: asking, reason })}
      />
    </>
  );
}

function MoreActions({ onSkip }: { readonly onSkip: () => void }) {
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon size={32} variant="subtle" color="gray" aria-label="More actions">
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPlayerTrackNext size={16} />} onClick={onSkip}>
          Skip gates and time…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Sent with the generation that was seen: what others changed meanwhile is not changed unseen. */
async function run(rollout: Rollout, { action, reason }: Command): Promise<string> {
  const { id, generation, next_step_pct } = rollout;
  const name = rollout.version ?? 'The bundle';
  const target = next_step_pct ?? 100;
  switch (action) {
    case 'pause':
      await client.rollouts.pauseRollout({ id, generation, ...(reason === '' ? {} : { reason }) });
      return `${name} is paused`;
    case 'resume':
      await client.rollouts.resumeRollout({ id, generation });
      return `${name} goes on`;
    case 'promote':
      await client.rollouts.promoteRollout({
        id,
        generation,
        ...(next_step_pct === null ? {} : { target_pct: target }),
      });
      return next_step_pct === null ? `${name} is completed` : `${name} decides ${target} %`;
    case 'skip': {
      const { skip_asked } = await client.rollouts.skipGate({ id, generation, target_pct: target, reason });
      return skip_asked === null ? `${name} decides ${target} %` : 'Asked: a second person has to ask for the same';
    }
    case 'sign_off':
      await client.rollouts.signOffRollout({ id, generation });
      return `What ${name} newly allows is signed off`;
    case 'rollback':
      return (await client.rollouts.rollbackRollout({ id, reason })).message;
  }
}

function whyNotPromoted(rollout: Rollout): string {
  const { holds, gates } = rollout;
  if (holds.includes('operator')) return 'Somebody paused it: resume it first';
  if (holds.includes('freeze')) return 'A freeze is on';
  const open = gates.filter(({ verdict }) => verdict !== 'pass').length;
  const left = timeLeft(rollout);
  const reasons = [
    open === 0 ? '' : open === 1 ? 'one gate does not pass yet' : `${open} gates do not pass yet`,
    left === 0 ? '' : `the step has ${durationText(left)} still to run`,
  ].filter((part) => part !== '');
  if (reasons.length === 0) return 'The server does not take this command now';
  const words = reasons.join(', and ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

interface DialogsProps {
  readonly rollout: Rollout;
  readonly asking: Action | null;
  readonly onClose: () => void;
  readonly busy: boolean;
  readonly fault: string | null;
  readonly onConfirm: (reason: string) => void;
}

/** Each says what will happen; those that others will ask about take a reason. */
function Dialogs({ rollout, asking, onConfirm, ...dialog }: DialogsProps) {
  const name = rollout.version ?? 'this bundle';
  const target = rollout.next_step_pct ?? 100;
  const before = rollout.previous_version;
  const shared = (action: Action, title: string, verb: string, children: ReactNode) => ({
    ...dialog,
    opened: asking === action,
    title,
    verb,
    children,
  });
  return (
    <>
      <ReasonDialog
        {...shared(
          'rollback',
          `Roll back ${name}?`,
          'Roll back',
          before === null
            ? 'There is no bundle before it: the built-in safe bundle denies everything until another one is activated. An incident is opened.'
            : `${before} decides everything again, at once. An incident is opened with what was measured.`,
        )}
        destructive
        placeholder="What was seen, and where"
        onConfirm={onConfirm}
      />
      <ReasonDialog
        {...shared(
          'pause',
          `Pause ${name}?`,
          'Pause',
          'It keeps its share of the traffic and goes no further until somebody resumes it. It is still rolled back when it does harm.',
        )}
        onConfirm={onConfirm}
      />
      <ConfirmDialog
        {...shared('resume', `Resume ${name}?`, 'Resume', 'Its time runs again, and it goes on when its gates pass.')}
        onConfirm={() => onConfirm('')}
      />
      <ConfirmDialog
        {...shared(
          'promote',
          rollout.next_step_pct === null ? `Complete ${name}?` : `Promote ${name} to ${target} %?`,
          rollout.next_step_pct === null ? 'Complete' : 'Promote',
          rollout.next_step_pct === null
            ? `It decides everything already; ${before ?? 'the bundle before'} is no longer kept beside it.`
            : `All gates pass. It decides ${target} % of the sessions from now on; those that it decides already stay with it.`,
        )}
        onConfirm={() => onConfirm('')}
      />
      <ReasonDialog
        {...shared(
          'skip',
          `Skip to ${target} % past gates and time?`,
          'Skip',
          `What the gates would have found is then found at ${target} % of the traffic. Under four eyes a second person has to ask for the same.`,
        )}
        destructive
        onConfirm={onConfirm}
      />
      <ConfirmDialog
        {...shared(
          'sign_off',
          `Sign off what ${name} newly allows?`,
          'Sign off',
          'You take responsibility, by name, for the actions of high risk that were denied before and are allowed by it.',
        )}
        onConfirm={() => onConfirm('')}
      />
    </>
  );
}
