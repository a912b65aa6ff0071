import { type CompiledPolicy, compile, decide } from '@policy-studio/engine';
import { figure, median, publish, table } from '../report.js';
import { asRule, type BenchRequest, type BenchRule, type Workload, workload } from './workload.js';

type Winner = string | null;

/** A system under test, loaded with the rules. Answers the id of the rule that wins. */
interface Contender {
  readonly name: string;
  decide(request: BenchRequest): Winner | Promise<Winner>;
}

/** What `peers/*.mjs` export. They are plain JavaScript: the peers are not there when the repository is type-checked. */
interface Peer {
  readonly name: string;
  prepare(rules: readonly BenchRule[]): Omit<Contender, 'name'> | Promise<Omit<Contender, 'name'>>;
}

const peerFiles = ['naive', 'casl', 'json-logic', 'casbin', 'cedar', 'json-rules'];
const sizes: readonly (readonly [rules: number, pairs: number])[] = [
  [20, 2],
  [200, 20],
  [2_000, 200],
  [20_000, 2_000],
  [20, 1],
  [200, 1],
  [2_000, 1],
];
const rounds = 7;
const slotMs = 30;
/** Requests on which a contender's answers are compared, as many as it manages in this time (and at least 10). */
const checkMs = 700;

const peers = await Promise.all(
  peerFiles.map(async (file) => (await import(new URL(`./peers/${file}.mjs`, import.meta.url).href)) as Peer),
);
const names = ['Policy Studio', ...peers.map(({ name }) => name)];
const times: string[][] = [];
const ratios: string[][] = [];
const preparations: string[][] = [];
const remarks = new Set<string>();

for (const [ruleCount, pairCount] of sizes) {
  const load = workload(ruleCount, pairCount);
  process.stdout.write(`${load.title}: preparing\n`);
  const prepared = await prepareAll(load);
  await checkEqual(load, prepared.contenders);
  const microseconds = await measure(load, prepared.contenders);
  const ours = microseconds.get('Policy Studio')!;
  times.push([load.title, ...names.map((name) => figure(microseconds.get(name) ?? Number.NaN))]);
  ratios.push([load.title, ...names.map((name) => figure((microseconds.get(name) ?? Number.NaN) / ours))]);
  preparations.push([load.title, ...names.map((name) => figure(prepared.milliseconds.get(name) ?? Number.NaN))]);
  process.stdout.write(
    `  ${names.map((name) => `${name} ${figure(microseconds.get(name) ?? Number.NaN)} us`).join(', ')}\n`,
  );
}

publish(
  'decide',
  [
    `Microseconds a decision, median of ${rounds} interleaved rounds; every answer was checked equal first.`,
    '',
    table(['', ...names], times),
    '',
    'The same as multiples of Policy Studio:',
    '',
    table(['', ...names], ratios),
    '',
    'Milliseconds to load the rules (Policy Studio: validate and compile; median of 5 for it, once for the others):',
    '',
    table(['', ...names], preparations),
    ...(remarks.size === 0 ? [] : ['', ...[...remarks].map((remark) => `- ${remark}`)]),
  ].join('\n'),
);

async function prepareAll(load: Workload) {
  const milliseconds = new Map<string, number>();
  const rules = load.rules.map(asRule);
  const compileTimes: number[] = [];
  let policy: CompiledPolicy | undefined;
  for (let round = 0; round < 5; round += 1) {
    const started = performance.now();
    const compiled = compile({ rules }, {}, { maxRules: rules.length });
    compileTimes.push(performance.now() - started);
    if (Array.isArray(compiled)) throw new Error(`${load.title}: ${compiled[0]?.message}`);
    policy = compiled;
  }
  const ours = policy!;
  milliseconds.set('Policy Studio', median(compileTimes));
  const contenders: Contender[] = [{ name: 'Policy Studio', decide: (request) => decide(ours, request).matched_rule }];
  for (const peer of peers) {
    const started = performance.now();
    try {
      const { decide } = await peer.prepare(load.rules);
      contenders.push({ name: peer.name, decide });
      milliseconds.set(peer.name, performance.now() - started);
    } catch (error) {
      remarks.add(`${peer.name} is left out at ${load.title}: ${(error as Error).message}`);
    }
  }
  return { contenders, milliseconds };
}

/** Ends the benchmark when two systems disagree: a fast wrong answer is not worth timing. */
async function checkEqual(load: Workload, contenders: readonly Contender[]): Promise<void> {
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
        throw new Error(
          `${contender.name} answers ${answer}, Policy Studio ${expected[checked]}: ${JSON.stringify(request)}`,
        );
      }
      checked += 1;
    }
  }
}

/** Microseconds a decision: the median over rounds, in each of which every contender has one slot of about the same length. */
async function measure(load: Workload, contenders: readonly Contender[]): Promise<Map<string, number>> {
  const perSlot = new Map<string, number>();
  for (const contender of contenders) perSlot.set(contender.name, await countForSlot(contender, load.requests));
  const samples = new Map(contenders.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of contenders) {
      const count = perSlot.get(contender.name)!;
      samples.get(contender.name)!.push((await slot(contender, load.requests, count)) / count);
    }
  }
  return new Map([...samples].map(([name, values]) => [name, median(values)]));
}

/** How many decisions fill a slot, by doubling; this warms the contender up as well. At least one. */
async function countForSlot(contender: Contender, requests: readonly BenchRequest[]): Promise<number> {
  for (let count = 1; ; count *= 2) {
    const elapsedMs = (await slot(contender, requests, count)) / 1_000;
    if (elapsedMs >= slotMs / 2) return Math.max(1, Math.round((count * slotMs) / elapsedMs));
  }
}

/** The microseconds `count` decisions take. Contenders that answer at once are not made to wait for a promise. */
async function slot({ decide }: Contender, requests: readonly BenchRequest[], count: number): Promise<number> {
  let answer: Winner | Promise<Winner> = null;
  let next = 0;
  globalThis.gc?.();
  const started = performance.now();
  for (let index = 0; index < count; index += 1) {
    answer = decide(requests[next]!);
    if (answer instanceof Promise) await answer;
    next = next + 1 === requests.length ? 0 : next + 1;
  }
  return (performance.now() - started) * 1_000;
}
