import type { Bundle, PolicyStudioClient } from '@policy-studio/sdk';
import { unusable } from '../exit-code.js';

export const bundleArgument = 'a version such as 1.2.0, or an id such as 3';

/** The bundle of a version or an id. */
export function findBundle(client: PolicyStudioClient, reference: string): Promise<Bundle> {
  if (/^[1-9]\d{0,9}$/.test(reference)) return client.bundles.getBundle({ id: Number(reference) });
  if (/^\d+\.\d+\.\d+$/.test(reference)) return client.bundles.getBundleByVersion({ version: reference });
  return Promise.reject(unusable(`\`${reference}\` names no bundle: give ${bundleArgument}`));
}
