import type { ColourName } from '../theme/colours.js';
import { Pill } from './status.js';

export type RolloutPhase =
  | 'approved'
  | 'shadow'
  | 'canary'
  | 'baking'
  | 'completed'
  | 'rolled_back'
  | 'aborted'
  | 'superseded';

const looks: Readonly<Record<RolloutPhase, { word: string; text: ColourName; tint: ColourName }>> = {
  approved: { word: 'Approved', text: 'secondary', tint: 'fill' },
  shadow: { word: 'In shadow', text: 'accent', tint: 'accent-tint' },
  canary: { word: 'Canary', text: 'accent', tint: 'accent-tint' },
  baking: { word: 'Baking at 100 %', text: 'accent', tint: 'accent-tint' },
  completed: { word: 'Completed', text: 'allow', tint: 'allow-tint' },
  rolled_back: { word: 'Rolled back', text: 'deny', tint: 'deny-tint' },
  aborted: { word: 'Aborted', text: 'deny', tint: 'deny-tint' },
  superseded: { word: 'Superseded', text: 'secondary', tint: 'fill' },
};

/** Where a rollout is; a canary says its share. */
export function RolloutPhasePill({ phase, sharePct }: { readonly phase: RolloutPhase; readonly sharePct: number }) {
  const look = looks[phase];
  return <Pill {...look} word={phase === 'canary' ? `Canary at ${sharePct} %` : look.word} />;
}

/** Whether it has come to an end, whichever. */
export function isOver(phase: RolloutPhase): boolean {
  return ['completed', 'rolled_back', 'aborted', 'superseded'].includes(phase);
}
