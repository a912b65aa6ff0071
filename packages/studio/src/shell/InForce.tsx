import { useQuery } from '@tanstack/react-query';
import { systemQuery } from '../api/queries/system.js';
import { SplitBar } from '../ui/SplitBar.js';
import classes from './InForce.module.css';

/** What decides now, as a bar: the stable bundle, and the share of the one on its way. On every page. */
export function InForce() {
  const { data } = useQuery(systemQuery);
  if (!data) return <div className={classes.inForce} />;
  const { bundle, rollout, safe, default_effect } = data;
  const share = rollout?.candidate ? rollout.share_pct : 0;
  const stable = safe ? 'Safe bundle' : (bundle?.version ?? null);
  if (stable === null) {
    return (
      <div className={classes.inForce}>
        <div className={classes.label}>In force</div>
        <div className={classes.figures}>Nothing yet, all is {default_effect === 'allow' ? 'allowed' : 'denied'}</div>
      </div>
    );
  }
  const candidate = rollout?.candidate?.version ?? null;
  return (
    <div className={classes.inForce}>
      <div className={classes.label}>In force</div>
      <SplitBar
        label={`${stable} decides ${100 - share} %${candidate === null ? '' : `, ${candidate} ${share} %`}`}
        shares={[
          { name: 'stable', value: 100 - share, colour: 'track' },
          { name: 'candidate', value: share, colour: 'accent' },
        ]}
      />
      <div className={classes.figures} aria-hidden>
        <span>
          {stable} {100 - share} %
        </span>
        {candidate === null ? null : (
          <span className={classes.candidate}>
            {candidate} {share === 0 ? 'watches' : `${share} %`}
          </span>
        )}
      </div>
    </div>
  );
}
