import { type Bundle, type PolicyStudioClient, ProblemError } from '@policy-studio/sdk';
import { unusable } from '../exit-code.js';

export const bundleArgument = 'a version such as 1.2.0, or an id such as 3';

/** The bundle of a version or an id. */
export function findBundle(client: PolicyStudioClient, reference: string): Promise<Bundle> {
  if (/^[1-9]\d{0,9}$/.test(reference)) return client.bundles.getBundle({ id: Number(reference) });
  if (/^\d+\.\d+\.\d+$/.test(reference)) return client.bundles.getBundleByVersion({ version: reference });
  return Promise.reject(unusable(`\`${reference}\` names no bundle: give ${bundleArgument}`));
}

/** A bundle as a server keeps it, and what a change of it is to be based on. */
export interface KeptBundle {
  readonly bundle: Bundle;
  readonly etag: string | null;
}

/** Null: the server has none of this version. */
export async function bundleOfVersion(client: PolicyStudioClient, version: string): Promise<KeptBundle | null> {
  try {
    const answer = await client.send('getBundleByVersion', { version });
    return answer.notModified ? null : { bundle: answer.body, etag: answer.etag };
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'not_found') return null;
    throw error;
  }
}
