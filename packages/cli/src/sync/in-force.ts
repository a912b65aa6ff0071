import { type BundleDocument, readBundleDocument } from './documents.js';
import { bundlesFolder, type Held, headOf, type PolicyFolder } from './folder.js';
import { type GitHistory, wasHeld } from './git-history.js';
import type { ServerState } from './server-state.js';

/**
 * What decides on the server, against the folder's highest version: `in_step`; `ahead`: the folder's is not in force yet,
 * what is comes from an earlier commit (or nothing is); `on_its_way`: a rollout brings it; `rolled_back`; `foreign`: what
 * is in force never was in the folder; `none`: the folder holds no bundle.
 */
export type InForceState = 'in_step' | 'ahead' | 'on_its_way' | 'rolled_back' | 'foreign' | 'none';

export interface InForce {
  readonly state: InForceState;
  /** The folder's highest version. */
  readonly head: string | null;
  /** What decides, or would without an emergency. */
  readonly version: string | null;
  readonly message: string;
  /** Emergencies that decide in its place, each as a sentence. */
  readonly emergencies: readonly string[];
}

export async function inForceState(
  folder: PolicyFolder,
  server: ServerState,
  history: GitHistory | null,
): Promise<InForce> {
  const head = headOf(folder);
  const emergencies = emergenciesOf(server);
  const { inForce } = server;
  const about = { head: head?.document.version ?? null, version: inForce?.version ?? null, emergencies };
  if (head === null) return { ...about, state: 'none', message: `the folder holds no bundle in ${bundlesFolder}/` };
  const { version, digest } = head.document;
  const is = (bundle: { readonly version: string; readonly digest: string } | null | undefined) =>
    bundle?.version === version && bundle.digest === digest;
  const known = server.bundles.get(version)?.bundle;
  const rollout = server.system.rollout;
  if (rollout?.candidate != null && is(rollout.candidate)) {
    const message = `${version} is on its way: ${rollout.phase}, ${rollout.share_pct} % of the traffic`;
    return { ...about, state: 'on_its_way', message };
  }
  if (is(inForce)) return { ...about, state: 'in_step', message: `${version} is in force` };
  if (known?.status === 'rolled_back') {
    const message = `${version} was rolled back, ${inForce === null ? 'nothing' : inForce.version} is in force: mend the rules and raise \`version\``;
    return { ...about, state: 'rolled_back', message };
  }
  if (inForce === null) return { ...about, state: 'ahead', message: `${version} is not in force, nothing is` };
  if (await isOfFolder(folder, inForce, history)) {
    return { ...about, state: 'ahead', message: `${version} is not in force yet, ${inForce.version} is` };
  }
  const message = `${inForce.version} is in force, which the folder never held: take it into the folder with \`policy-studio sync pull\``;
  return { ...about, state: 'foreign', message };
}

/** Whether the folder holds these rules under this version, or did in some commit. */
async function isOfFolder(
  { bundles }: PolicyFolder,
  { version, digest }: { readonly version: string; readonly digest: string },
  history: GitHistory | null,
): Promise<boolean> {
  const is = (document: BundleDocument) => document.version === version && document.digest === digest;
  if (bundles.some(({ document }) => is(document))) return true;
  const files = bundles.map(({ file }: Held<BundleDocument>) => file.path);
  const gone = history === null ? [] : await history.deleted([bundlesFolder]);
  for (const file of new Set([...files, ...gone])) {
    if (await wasHeld<BundleDocument>(history, file, readBundleDocument, is)) return true;
  }
  return false;
}

function emergenciesOf({ system }: ServerState): string[] {
  const { pin, bundle_pin: bundlePin, safe } = system;
  return [
    ...(pin === null ? [] : [`every request is answered ${pin.effect}: the emergency switch is on`]),
    ...(bundlePin === null ? [] : [`${bundlePin.bundle.version} is pinned and decides everything`]),
    ...(safe ? ['the built-in safe bundle is in force, which denies everything'] : []),
  ];
}
