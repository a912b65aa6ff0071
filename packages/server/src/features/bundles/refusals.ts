import { type Finding, jsonPointer, type ProblemItem } from '@policy-studio/contract';
import { type Refusal, refuse } from '../../refusal.js';

/** Faults told in one refusal. */
const told = 100;

/** A place in rules, and what is wrong there. */
type Fault = Pick<Finding, 'message'> & { readonly code: string; readonly path: readonly (string | number)[] };

/** The refusal to save rules with these faults, of which there are `count`. */
export function rulesRejected(faults: readonly Fault[], count: number): Refusal {
  const items = faults.slice(0, told).map(problemItem);
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  return refuse('bundle_rejected', `\`${items[0]?.path}\`: ${items[0]?.message}${more}`, items);
}

/** The refusal to bring a bundle with these errors into force. */
export function bundleInvalid(bundle: string, errors: readonly Fault[]): Refusal {
  const items = errors.slice(0, told).map(problemItem);
  const count = errors.length === 1 ? 'an error' : `${errors.length} errors`;
  return refuse('bundle_invalid', `${bundle} has ${count}; the first: ${errors[0]?.message}`, items);
}

/** `path` leads from the rules; the pointer from the bundle. */
function problemItem({ code, path, message }: Fault): ProblemItem {
  return { code, path: jsonPointer(['rules', ...path]), message };
}

export function noBundle(id: number): Refusal {
  return refuse('not_found', `there is no bundle ${id}; list them with GET /policy/bundles`);
}
