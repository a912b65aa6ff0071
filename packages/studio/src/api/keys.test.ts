import { describe, expect, it } from 'vitest';
import { slices, slicesTouchedBy } from './keys.js';

describe('what a change makes stale', () => {
  it('is its slice, what is derived from it, and the audit trail', () => {
    expect(slicesTouchedBy('rollout.promoted')).toEqual(['rollouts', 'bundles', 'system', 'audit']);
    expect(slicesTouchedBy('incident.opened')).toEqual(['incidents', 'audit']);
  });

  it('is only the trail for a checkpoint of it', () => {
    expect(slicesTouchedBy('audit.checkpoint')).toEqual(['audit']);
  });

  it('is everything where the kind is not known', () => {
    expect(slicesTouchedBy('teleporter.beamed')).toBe(slices);
  });
});
