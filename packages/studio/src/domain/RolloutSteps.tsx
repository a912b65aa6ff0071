import { IconCheck } from '@tabler/icons-react';
import { durationText } from '../ui/figures.js';
import classes from './RolloutSteps.module.css';

interface RolloutStepsProps {
  readonly phase: string;
  /** Of the step it is in, percent; 0 while it only watches. */
  readonly sharePct: number;
  /** The shares of the plan, percent, rising. */
  readonly steps: readonly number[];
  readonly dwelledSeconds: number;
  readonly dwellSeconds: number;
  /** What is to be said of steps ahead, by their share. */
  readonly ahead?: Readonly<Record<number, string>>;
}

/** The way of a rollout: shadow, its steps, and how far the present one is. */
export function RolloutSteps(props: RolloutStepsProps) {
  const { phase, sharePct, steps, dwelledSeconds, dwellSeconds, ahead = {} } = props;
  const stages = [{ name: 'Shadow', share: 0 }, ...steps.map((share) => ({ name: `${share} %`, share }))];
  const done = ['completed'].includes(phase);
  const left = Math.max(0, dwellSeconds - dwelledSeconds);
  return (
    <ol className={classes.steps}>
      {stages.map(({ name, share }) => {
        const state = done || share < sharePct ? 'done' : share === sharePct ? 'now' : 'ahead';
        const fill =
          state === 'done' ? 1 : state === 'now' && dwellSeconds > 0 ? Math.min(1, dwelledSeconds / dwellSeconds) : 0;
        return (
          <li
            key={name}
            className={classes.step}
            data-state={state}
            aria-current={state === 'now' ? 'step' : undefined}
          >
            <span className={classes.track}>
              <span
                className={classes.fill}
                style={{ width: `${Math.max(fill, state === 'now' ? 0.02 : 0) * 100}%` }}
              />
            </span>
            <span className={classes.name}>
              {state === 'done' ? <IconCheck size={14} aria-label="done:" /> : null}
              {name}
            </span>
            {state === 'now' ? (
              <span className={classes.note}>
                {left > 0 ? `${durationText(left)} left` : 'time is up, gates decide'}
              </span>
            ) : null}
            {state === 'ahead' && ahead[share] ? <span className={classes.note}>{ahead[share]}</span> : null}
          </li>
        );
      })}
    </ol>
  );
}
