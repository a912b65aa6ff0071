import { type PolicyStudioClient, ProblemError } from '@policy-studio/sdk';
import { type RequestOptions, requestActivation } from '../commands/activation-request.js';
import { bundleOfVersion } from '../commands/bundle-reference.js';
import { approvalsOf, type Step, waiting } from './apply.js';
import { headOf, type PolicyFolder } from './folder.js';
import type { InForce } from './in-force.js';

export interface ActivationOptions extends Partial<RequestOptions> {
  /** Ask people for it. */
  readonly requestApproval?: boolean;
  /** Use an approval that people have given. */
  readonly activate?: boolean;
  readonly overwrite: readonly string[];
}

/** How `--overwrite` names what is in force. */
export const inForceKey = 'in-force';

/**
 * What is done about the highest version, as far as it was asked for: people are asked once, and what they approved is
 * activated. Null: nothing is to be done. What was rolled back is not brought again, and what somebody put in force on the server that the
 * folder never held is not taken out of force, unless that is said.
 */
export async function bringIntoForce(
  client: PolicyStudioClient,
  folder: PolicyFolder,
  inForce: InForce,
  options: ActivationOptions,
): Promise<Step | null> {
  const { state, head, message } = inForce;
  const isAsked = options.requestApproval === true || options.activate === true;
  if (!isAsked || head === null || ['in_step', 'on_its_way', 'none'].includes(state)) return null;
  const key = `bundle:${head}`;
  const no = (why: string): Step => ({ key, state: 'refused', message: why, approvalId: null });
  if (state === 'rolled_back') return no(message);
  if (state === 'foreign' && !options.overwrite.includes(inForceKey)) {
    return no(`${message}, or put ${head} in its place with --overwrite ${inForceKey}`);
  }
  const kept = await bundleOfVersion(client, head);
  // The server refused what the folder holds, which has been told.
  if (kept === null || kept.bundle.digest !== headOf(folder)?.document.digest) return null;
  const { id, digest } = kept.bundle;
  const find = async (status: 'approved' | 'pending') =>
    (await approvalsOf(client, { kind: 'activation', status, bundle_id: id })).find(
      ({ subject }) => subject.digest === digest,
    );
  try {
    const approved = await find('approved');
    if (approved !== undefined) {
      if (options.activate !== true) {
        const how = `policy-studio bundles activate ${head} --approval ${approved.id}`;
        return { key, state: 'waits', message: `is approved, and waits for \`${how}\``, approvalId: approved.id };
      }
      const share = approved.initial_pct ?? 100;
      await client.bundles.activateBundle({ id, approval_id: approved.id, canary_pct: share });
      return { key, state: 'updated', message: `activated for ${share} % of the traffic`, approvalId: approved.id };
    }
    const pending = await find('pending');
    if (pending !== undefined) return waiting(key, pending);
    if (options.requestApproval !== true)
      return no('is not approved: ask with --request-approval --justification <text>');
    return waiting(key, await requestActivation(client, String(id), options));
  } catch (error) {
    if (!(error instanceof ProblemError) || ![409, 422].includes(error.status)) throw error;
    return no(error.detail);
  }
}
