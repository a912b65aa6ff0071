import { type LineNotes, replayRequests } from '@policy-studio/cli/replay';
import type { Effect } from '@policy-studio/engine';
import type { ExampleBundle } from './bundles.js';
import type { JudgedCall } from './judge.js';
import { openCalls, type RecordedCall } from './recordings.js';
import type { Reference } from './reference.js';

export interface Replay {
  /** What judging needs of each call that was decided, in the order of the recording. */
  readonly calls: readonly JudgedCall[];
  /** The decisions on those calls, by bundle. */
  readonly effects: ReadonlyMap<string, readonly Effect[]>;
  /** Lines that are no request and were not decided. */
  readonly bad: LineNotes;
  /** Calls that a server would refuse as malformed; here they are decided like the others. */
  readonly refusable: LineNotes;
  /** Reading, unpacking and parsing included. */
  readonly seconds: number;
  /** The calls a bundle decides otherwise than its reference predicate. */
  readonly differences: readonly { readonly bundle: string; readonly caseId: string; readonly decided: Effect }[];
}

/** Decides every recorded call with each bundle, in one pass over the file, by the code of `policy-studio replay`. */
export async function replayRecordings(
  folder: string,
  bundles: readonly ExampleBundle[],
  references: readonly Reference[] = [],
): Promise<Replay> {
  const calls: JudgedCall[] = [];
  const effects = new Map(bundles.map(({ name }): [string, Effect[]] => [name, []]));
  const columns = bundles.map(({ name }) => ({
    name,
    effects: effects.get(name)!,
    reference: references.find(({ bundle }) => bundle === name),
  }));
  const differences: Replay['differences'][number][] = [];
  const started = performance.now();
  const { bad, refusable } = await replayRequests(
    openCalls(folder),
    bundles.map(({ policy }) => policy),
    ({ entry }, decisions) => {
      // The recording's form is its converter's promise; only `labels` and `context` are read.
      const call = entry as unknown as RecordedCall;
      const { run_id, injected, ambiguous } = call.labels;
      calls.push({ labels: { run_id, injected, ambiguous } });
      columns.forEach((column, index) => {
        const { effect } = decisions[index]!;
        column.effects.push(effect);
        if (column.reference !== undefined && column.reference.denies(call) !== (effect === 'deny')) {
          differences.push({ bundle: column.name, caseId: call.case_id, decided: effect });
        }
      });
    },
  );
  const seconds = (performance.now() - started) / 1_000;
  return { calls, effects, bad, refusable, seconds, differences };
}
