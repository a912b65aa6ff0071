import { median } from '../report.js';
import type { BenchRequest, BenchRule, Workload } from './workload.js';

/** The id of the rule that wins; null when none does. */
export type Winner = string | null;

/** A system under test, loaded with the rules. */
export interface Contender {
  readonly name: string;
  decide(request: BenchRequest): Winner | Promise<Winner>;
}

/** What `peers/*.mjs` export. They are plain JavaScript: the peers are not there when the repository is type-checked. */
export interface Peer {
  readonly name: string;
  prepare(rules: readonly BenchRule[]): Omit<Contender, 'name'> | Promise<Omit<Contender, 'name'>>;
}

/** Microseconds of CPU time a decision, over the rounds. */
export interface Sample {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export const rounds = 9;
const slotMs = 30;
const warmUpMs = 100;
/** Answers are compared on all requests, or on as many as a contender manages in this time (and at least 10). */
const checkMs = 300;

/** Throws when two systems disagree: a fast wrong answer is not worth timing. */
export async function checkEqual(load: Workload, contenders: readonly Contender[]): Promise<void> {
  const expected: Winner[] = [];
  const [first, ...others] = contenders;
  for (const request of load.requests) expected.push(await first!.decide(request));
  for (const contender of others) {
    const started = performance.now();
    let checked = 0;
    for (const request of load.requests) {
      if (checked >= 10 && performance.now() - started > checkMs) break;
      const answer = await contender.decide(request);
      if (answer !== expected[checked]) {
        const asked = JSON.stringify(request);
        throw new Error(`${contender.name} answers ${answer}, ${first!.name} ${expected[checked]}: ${asked}`);
      }
      checked += 1;
    }
  }
}

/**
 * By contender: its times over rounds, in each of which every contender has one slot of about the same length. They begin
 * in turns, so that the collection of garbage before a round and the neighbour in it fall to each of them, and each slot
 * is led by some decisions that do not count, since the contender before has filled the caches with its own.
 */
export async function measure(load: Workload, contenders: readonly Contender[]): Promise<Map<string, Sample>> {
  const perSlot = new Map<string, number>();
  for (const contender of contenders) perSlot.set(contender.name, await countForSlot(contender, load.requests));
  const samples = new Map(contenders.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    globalThis.gc?.();
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const contender = contenders[(round + turn) % contenders.length]!;
      const count = perSlot.get(contender.name)!;
      await slot(contender, load.requests, Math.ceil(count / 10));
      samples.get(contender.name)!.push((1_000 * (await slot(contender, load.requests, count))) / count);
    }
  }
  return new Map(
    [...samples].map(([name, values]) => [
      name,
      { median: median(values), least: Math.min(...values), most: Math.max(...values) },
    ]),
  );
}

/** How many decisions fill a slot, at least one. Doubles until the contender is warm. */
async function countForSlot(contender: Contender, requests: readonly BenchRequest[]): Promise<number> {
  for (let count = 1; ; count *= 2) {
    const elapsedMs = await slot(contender, requests, count);
    if (elapsedMs >= warmUpMs) return Math.max(1, Math.round((count * slotMs) / elapsedMs));
  }
}

/**
 * The milliseconds of CPU time that `count` decisions take: what the wall clock says where nothing else runs, and not
 * the turns of other programs where something does. Contenders that answer at once are not made to wait for a promise.
 */
async function slot({ decide }: Contender, requests: readonly BenchRequest[], count: number): Promise<number> {
  let next = 0;
  const before = process.cpuUsage();
  for (let index = 0; index < count; index += 1) {
    const answer = decide(requests[next]!);
    if (answer instanceof Promise) await answer;
    next = next + 1 === requests.length ? 0 : next + 1;
  }
  return cpuMilliseconds(before);
}

/** The CPU time of this process since `before`, its helper threads (garbage collection, compilation) included. */
export function cpuMilliseconds(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
