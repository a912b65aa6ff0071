import { useQuery } from '@tanstack/react-query';
import type { Answer } from '../../api/client.js';
import { rolloutQuery } from '../../api/queries/rollouts.js';
import { systemQuery } from '../../api/queries/system.js';
import { Effect } from '../../domain/effect.js';
import { countText, moneyText, numberText, percentText } from '../../ui/figures.js';
import { Section } from '../../ui/Page.js';
import { Stat, Stats } from '../../ui/Stat.js';

type Seen = Answer<'rollouts', 'getRollout'>['evidence']['canary'];

/** What the bundle on its way has done in this step, against the one in force; nothing when no rollout runs. */
export function StepFigures() {
  const { data: system } = useQuery(systemQuery);
  const id = system?.rollout?.id;
  const { data: rollout } = useQuery({ ...rolloutQuery(id ?? 0), enabled: id !== undefined });
  if (id === undefined || !rollout) return null;
  const { canary, stable, shadow } = rollout.evidence;
  const watching = rollout.share_pct === 0;
  const own = watching ? shadow : canary;
  return (
    <Section
      title={`${rollout.version ?? 'The candidate'} in this step`}
      note={watching ? 'as it would have decided' : `beside ${rollout.previous_version ?? 'the one before'}`}
    >
      <Stats>
        <Stat label="Decisions" value={numberText(own.decisions)} note={`${numberText(stable.decisions)} stable`} />
        <Share label={<Effect effect="deny" />} of="denied" own={own} stable={stable} />
        <Share label={<Effect effect="needs_approval" />} of="needs_approval" own={own} stable={stable} />
        <Share label={<Effect effect={null} />} of="no_match" own={own} stable={stable} />
        <Share label="Errors" of="failed" own={own} stable={stable} />
        <Stat
          label="Decided otherwise"
          value={numberText(own.newly_denied + own.newly_allowed)}
          note={`${countText(own.newly_denied, 'denial', 'denials')} new, ${numberText(own.newly_allowed)} newly allowed`}
        />
        <Stat label="Cost" value={moneyText(own.cost)} note={`${moneyText(stable.cost)} stable`} />
      </Stats>
    </Section>
  );
}

interface ShareProps {
  readonly label: React.ReactNode;
  readonly of: 'denied' | 'needs_approval' | 'no_match' | 'failed';
  readonly own: Seen;
  readonly stable: Seen;
}

function Share({ label, of, own, stable }: ShareProps) {
  return (
    <Stat
      label={label}
      value={shareText(own[of], own.decisions)}
      note={`${shareText(stable[of], stable.decisions)} stable`}
    />
  );
}

/** Of nothing there is no share. */
function shareText(count: number, all: number): string {
  return all === 0 ? 'none yet' : percentText(count / all);
}
