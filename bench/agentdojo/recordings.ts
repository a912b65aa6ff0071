import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';

/** One recorded tool call. Its context was known before the call was made. */
export interface RecordedCall {
  readonly case_id: string;
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** For judging only: no rule sees these. */
  readonly labels: {
    readonly run_id: string;
    readonly injected: boolean;
    readonly ambiguous: boolean;
  };
}

/** One run of an agent on one task, with or without an attack in what it reads. */
export interface RecordedRun {
  readonly run_id: string;
  readonly suite: string;
  readonly user_task: string;
  /** `none` for a benign run. */
  readonly attack: string;
  /** The user's task was done. */
  readonly utility: boolean;
  /** Under an attack: the attack succeeded. (The benchmark's name says the opposite.) */
  readonly security: boolean;
  readonly error: string | null;
}

const callsFile = 'agentdojo-dev.jsonl.gz';
const runsFile = 'agentdojo-dev-runs.jsonl.gz';

/** The folder of recordings: `POLICY_STUDIO_DATA`, else `../shared/data` beside the repository; null when the files are not there. */
export function locateRecordings(repositoryRoot: string, env: NodeJS.ProcessEnv): string | null {
  const folder = env.POLICY_STUDIO_DATA ?? join(repositoryRoot, '..', 'shared', 'data');
  return existsSync(join(folder, callsFile)) && existsSync(join(folder, runsFile)) ? folder : null;
}

/** What to say when the recordings are absent. */
export const recordingsAbsent = `skipped: ${callsFile} and ${runsFile} are not here; set POLICY_STUDIO_DATA to their folder`;

/** The recorded calls as they lie on disk (gzip), one a line; a run's calls stand together, first to last. */
export function openCalls(folder: string): AsyncIterable<Uint8Array> {
  return createReadStream(join(folder, callsFile));
}

export async function readRuns(folder: string): Promise<RecordedRun[]> {
  const unpacked = createReadStream(join(folder, runsFile)).pipe(createGunzip());
  const runs: RecordedRun[] = [];
  for await (const line of createInterface({ input: unpacked, crlfDelay: Infinity })) {
    if (line !== '') runs.push(JSON.parse(line) as RecordedRun);
  }
  return runs;
}
