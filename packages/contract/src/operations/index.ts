import type { Operation } from '../operation.js';
import * as access from './access.js';
import * as approvals from './approvals.js';
import * as audit from './audit.js';
import * as budgets from './budgets.js';
import * as bundles from './bundles.js';
import * as catalog from './catalog.js';
import * as channels from './channels.js';
import * as decisions from './decisions.js';
import * as emergency from './emergency.js';
import * as events from './events.js';
import * as exchange from './exchange.js';
import * as freezeWindows from './freeze-windows.js';
import * as incidents from './incidents.js';
import * as jobs from './jobs.js';
import * as lint from './lint.js';
import * as lists from './lists.js';
import * as reports from './reports.js';
import * as rollouts from './rollouts.js';
import * as settings from './settings.js';
import * as simulation from './simulation.js';
import * as system from './system.js';
import * as workspaces from './workspaces.js';

/** Every operation of the interface, by id. */
export const operations = {
  ...bundles,
  ...exchange,
  ...lint,
  ...decisions,
  ...budgets,
  ...approvals,
  ...rollouts,
  ...reports,
  ...freezeWindows,
  ...incidents,
  ...catalog,
  ...lists,
  ...simulation,
  ...jobs,
  ...settings,
  ...access,
  ...audit,
  ...events,
  ...channels,
  ...system,
  ...emergency,
  ...workspaces,
} as const;
export type OperationId = keyof typeof operations;

/** In the order of the documentation: as the subjects stand above, then by path, reads before writes. */
export const allOperations: readonly Operation[] = [
  bundles,
  exchange,
  lint,
  decisions,
  budgets,
  approvals,
  rollouts,
  reports,
  freezeWindows,
  incidents,
  catalog,
  lists,
  simulation,
  jobs,
  settings,
  access,
  audit,
  events,
  channels,
  system,
  emergency,
  workspaces,
].flatMap((group) => (Object.values(group) as Operation[]).sort(byPath));

function byPath(a: Operation, b: Operation): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  const methods = ['GET', 'POST', 'PUT', 'DELETE'];
  return methods.indexOf(a.method) - methods.indexOf(b.method);
}
