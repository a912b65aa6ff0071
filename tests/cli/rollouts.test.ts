import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  alike,
  before,
  openYard,
  strict,
  type Yard,
} from '../../packages/server/src/features/rollouts/rollouts.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let yard: Yard;
beforeAll(async () => {
  yard = await openYard();
  await yard.rollOut(before, 100);
});
afterAll(() => yard?.close());

const studio = (args: string[], token = yard.operator) =>
  run(args, { cwd: folder.path, env: { POLICY_STUDIO_URL: yard.url, POLICY_STUDIO_TOKEN: token } });

// One story, told in order: each step stands on the ones before.
describe('a rollout from the command line', () => {
  it('is listed and shown with its gates', async () => {
    const { id, version } = await yard.rollOut(alike, 10);
    const listed = await studio(['rollouts', 'list', '--phase', 'canary']);
    expect(listed.stdout).toMatch(
      new RegExp(`^\\d+ +${version.replaceAll('.', '\\.')} \\(${id}\\) +canary +10 % +50 %`, 'm'),
    );
    const { id: rollout } = await yard.rolloutOf(id);
    const shown = await studio(['rollouts', 'show', String(rollout)]);
    expect(shown.stdout).toMatch(/^phase +canary, 10 % of the traffic$/m);
    expect(shown.stdout).toMatch(/^inconclusive +error_rate +no error rate yet: nothing was decided in this step$/m);
    expect(shown.stdout).toMatch(/^may do +pause, skip, rollback$/m);
  });

  it('is paused, resumed and taken further by two', async () => {
    const { bundles } = (await yard.call('listBundles')).body;
    const { id } = await yard.rolloutOf(bundles[0]?.id ?? 0);
    expect((await studio(['rollouts', 'pause', String(id), '--reason', 'lunch'])).stdout).toMatch(
      /^held by +operator$/m,
    );
    expect((await studio(['rollouts', 'resume', String(id)])).stdout).toMatch(/^held by +-$/m);
    const early = await studio(['rollouts', 'promote', String(id)]);
    expect([early.code, early.stderr]).toEqual([3, expect.stringMatching(/gates_not_passed, 409/)]);
    const skip = ['rollouts', 'skip', String(id), '--to', '50', '--reason', 'no traffic at night'];
    expect((await studio(skip)).stdout).toMatch(/^skip +to 50 % asked for by Otto: no traffic at night$/m);
    expect((await studio(skip, yard.otherOperator)).stdout).toMatch(/^phase +canary, 50 % of the traffic$/m);
    const sign = await studio(['rollouts', 'sign-off', String(id)]);
    expect(sign.stderr).toContain('sign_off_not_needed');
    const back = await studio(['rollouts', 'rollback', String(id), '--reason', 'it was too slow', '--no-incident']);
    expect(back.stdout).toMatch(/^bundle \S+ is rolled back; bundle \S+ decides everything\n$/);
  });

  it('of a bundle: gates, promotion, rollback', async () => {
    const { version } = await yard.rollOut(strict, 50);
    await yard.ask(100);
    const gates = await studio(['bundles', 'gates', version]);
    expect([gates.code, gates.stdout]).toEqual([
      1,
      expect.stringMatching(/^critical +deny_rate +the deny rate is 100 %/m),
    ]);
    const promoted = await studio(['bundles', 'promote', version, '--to', '100']);
    expect([promoted.code, promoted.stderr]).toEqual([3, expect.stringContaining('the deny rate is 100 %')]);
    const back = await studio(['bundles', 'rollback', version, '--reason', 'it denies everything']);
    expect(back.stdout).toMatch(/is rolled back; bundle \S+ decides everything\nincident \d+ is open\n$/);
    const none = await studio(['bundles', 'gates', version]);
    expect([none.code, none.stdout]).toEqual([
      1,
      'no rollout of this bundle runs, so there is nothing to read gates from\n',
    ]);
  });
});
