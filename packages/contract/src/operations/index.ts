import type { Operation } from '../operation.js';
import * as access from './access.js';
import * as approvals from './approvals.js';
import * as bundles from './bundles.js';
import * as configuration from './configuration.js';
import * as decisions from './decisions.js';

/** Every operation of the interface, by id. */
export const operations = { ...bundles, ...decisions, ...approvals, ...configuration, ...access } as const;
export type OperationId = keyof typeof operations;
export const allOperations: readonly Operation[] = Object.values(operations);
