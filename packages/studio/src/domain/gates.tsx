import { IconAlertOctagonFilled, IconCircleCheckFilled, IconCircleX, IconClock } from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { type ColourName, colour } from '../theme/colours.js';
import { moneyText, numberText, percentText } from '../ui/figures.js';
import classes from './looks.module.css';

export type Verdict = 'pass' | 'inconclusive' | 'fail' | 'critical';

interface VerdictLook {
  readonly word: string;
  readonly colour: ColourName;
  readonly Icon: ComponentType<{ size?: number; 'aria-hidden'?: boolean }>;
}

const looks: Readonly<Record<Verdict, VerdictLook>> = {
  pass: { word: 'Pass', colour: 'allow', Icon: IconCircleCheckFilled },
  inconclusive: { word: 'Open', colour: 'ink', Icon: IconClock },
  fail: { word: 'Fail', colour: 'error', Icon: IconCircleX },
  critical: { word: 'Critical', colour: 'error', Icon: IconAlertOctagonFilled },
};

/** What a gate says. */
export function GateVerdict({ verdict }: { readonly verdict: Verdict }) {
  const { word, colour: shade, Icon } = looks[verdict];
  return (
    <span className={classes.effect} style={{ color: colour(shade) }}>
      <Icon size={16} aria-hidden />
      {word}
    </span>
  );
}

/** What was counted in one arm. */
export interface SeenArm {
  readonly decisions: number;
  readonly failed: number;
  readonly denied: number;
  readonly outcomes: number;
  readonly outcome_errors: number;
  readonly cost: number;
}

export interface GateFigures {
  readonly gate: string;
  readonly value: number | null;
  readonly limit: number | null;
}

/** A row of the table of gates: its name, both arms and the limit, as people read them; empty where there is none. */
export interface GateRow {
  readonly name: string;
  readonly own: string;
  readonly stable: string;
  readonly limit: string;
}

const share = (value: number | null): string => (value === null ? '' : percentText(value));
const points = (value: number | null): string =>
  value === null ? '' : `${numberText(round(value * 100))}\u00a0points`;
const signed = (value: number | null): string =>
  value === null ? '' : `${value > 0 ? '+' : ''}${percentText(round(value, 3))}`;
const below = (text: string): string => (text === '' ? '' : `below ${text}`);

function round(value: number, digits = 1): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

function part(count: number, all: number): string {
  return all === 0 ? '' : percentText(count / all);
}

/** Errors by outcomes once some were reported, else by evaluations that failed: as the gate counts them. */
function errorShare({ failed, outcomes, outcome_errors, decisions }: SeenArm): string {
  return outcomes > 0 ? part(failed + outcome_errors, failed + outcomes) : part(failed, decisions);
}

/** `gateRow(gate, evidence.stable)`: the figures of a gate; those of stable where the evidence holds them. */
export function gateRow({ gate, value, limit }: GateFigures, stable: SeenArm): GateRow {
  switch (gate) {
    case 'error_rate':
      return { name: 'Error rate', own: share(value), stable: errorShare(stable), limit: below(share(limit)) };
    case 'deny_rate':
      return {
        name: 'Deny rate',
        own: share(value),
        stable: part(stable.denied, stable.decisions),
        limit: below(share(limit)),
      };
    case 'newly_denied':
      return { name: 'Newly denied', own: points(value), stable: '', limit: below(points(limit)) };
    case 'no_match':
      return { name: 'Newly no match', own: points(value), stable: '', limit: below(points(limit)) };
    case 'cost_increase':
      return { name: 'Cost a decision', own: signed(value), stable: '', limit: below(signed(limit)) };
    case 'spend':
      return {
        name: 'Spend in 24 h',
        own: value === null ? '' : moneyText(value),
        stable: '',
        limit: limit === null ? '' : below(moneyText(limit)),
      };
    case 'sample_ratio':
      return {
        name: 'Share of sessions',
        own: share(value),
        stable: '',
        limit: limit === null ? '' : `about ${share(limit)}`,
      };
    case 'telemetry':
      return { name: 'Outcomes reported', own: '', stable: '', limit: '' };
    default:
      return { name: gate.replaceAll('_', ' '), own: value === null ? '' : numberText(value), stable: '', limit: '' };
  }
}
