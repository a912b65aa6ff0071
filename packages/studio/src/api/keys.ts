/**
 * Keys of what is read from the server, each beginning with its slice: a change of `bundle/3` makes everything under
 * `['bundles']` stale.
 */
export const slices = [
  'system',
  'bundles',
  'rollouts',
  'approvals',
  'incidents',
  'decisions',
  'catalog',
  'lists',
  'audit',
  'settings',
  'access',
  'channels',
  'freeze-windows',
  'budgets',
  'workspaces',
] as const;
export type Slice = (typeof slices)[number];

/** `key('bundles', 'list', { offset: 0 })` */
export function key(slice: Slice, ...rest: readonly unknown[]): readonly unknown[] {
  return [slice, ...rest];
}

/** What each kind of change touches besides its own slice; kinds are `<subject>.<what>`. */
const touched: Readonly<Record<string, readonly Slice[]>> = {
  bundle: ['bundles', 'system', 'rollouts'],
  rollout: ['rollouts', 'bundles', 'system'],
  approval: ['approvals'],
  approver_group: ['approvals'],
  incident: ['incidents'],
  system: ['system', 'bundles', 'rollouts'],
  settings: ['settings', 'system', 'bundles'],
  catalog: ['catalog', 'bundles', 'system'],
  list: ['lists', 'bundles'],
  channel: ['channels'],
  freeze_window: ['freeze-windows', 'system'],
  api_key: ['access'],
  member: ['access'],
  session: ['access'],
  access: ['access'],
  trusted_key: ['access'],
  budget: ['budgets'],
  workspace: ['workspaces'],
};

/** The slices that a change makes stale; the audit trail always. A kind that is not known touches everything. */
export function slicesTouchedBy(kind: string): readonly Slice[] {
  const subject = kind.split('.', 1)[0] ?? '';
  if (subject === 'audit') return ['audit'];
  const own = touched[subject];
  return own === undefined ? slices : [...own, 'audit'];
}
