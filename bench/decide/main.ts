import { type CompiledPolicy, compile, decide } from '@policy-studio/engine';
import { figure, median, publish, table } from '../report.js';
import { type Contender, checkEqual, cpuMilliseconds, measure, type Peer, rounds, type Sample } from './contender.js';
import { asRule, type Workload, workload } from './workload.js';

const us = 'Policy Studio';
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

const peers = await Promise.all(
  peerFiles.map(async (file) => (await import(new URL(`./peers/${file}.mjs`, import.meta.url).href)) as Peer),
);
const names = [us, ...peers.map(({ name }) => name)];
const times: string[][] = [];
const ratios: string[][] = [];
const loadTimes: string[][] = [];
const targets: string[][] = [];
const remarks: string[] = [];

for (const [ruleCount, pairCount] of sizes) {
  const load = workload(ruleCount, pairCount);
  process.stdout.write(`${load.title} ...\n`);
  const { contenders, milliseconds, firstPassMs } = await prepareAll(load);
  await checkEqual(load, contenders);
  const samples = await measure(load, contenders);
  const medians = names.map((name) => samples.get(name)?.median ?? Number.NaN);
  times.push([load.title, ...medians.map(figure)]);
  ratios.push([load.title, ...medians.map((value) => figure(value / medians[0]!))]);
  loadTimes.push([
    load.title,
    ...names.map((name) => figure(milliseconds.get(name) ?? Number.NaN)),
    figure(firstPassMs),
  ]);
  targets.push(...targetRows(load, samples, milliseconds.get(us)!));
}

publish(
  'decide',
  [
    `Microseconds of CPU time a decision, median of ${rounds} interleaved rounds; the answers were checked equal first.`,
    '',
    table(['', ...names], times),
    '',
    `The same as multiples of ${us}:`,
    '',
    table(['', ...names], ratios),
    '',
    'Targets, with the least and the most of any round (how far the machine was disturbed):',
    '',
    table([`${us}, microseconds or milliseconds`, 'limit', 'median', 'least', 'most', ''], targets),
    '',
    `Milliseconds of CPU time to load the rules (${us}: validate and compile, median of 5; the others once). The last column is what`,
    `${us} puts off until a pair is first asked about: the first 2,000 decisions, all in all.`,
    '',
    table(['', ...names, 'first decisions'], loadTimes),
    ...(remarks.length === 0 ? [] : ['', ...remarks.map((remark) => `- ${remark}`)]),
  ].join('\n'),
);

async function prepareAll(load: Workload) {
  const { policy, compileMs } = compiled(load);
  const before = process.cpuUsage();
  for (const request of load.requests) decide(policy, request);
  const firstPassMs = cpuMilliseconds(before);
  const milliseconds = new Map([[us, compileMs]]);
  const contenders: Contender[] = [{ name: us, decide: (request) => decide(policy, request).matched_rule }];
  for (const peer of peers) {
    const before = process.cpuUsage();
    try {
      const ready = await peer.prepare(load.rules);
      contenders.push({ name: peer.name, decide: ready.decide });
      milliseconds.set(peer.name, cpuMilliseconds(before));
    } catch (error) {
      remarks.push(`${peer.name} is left out at ${load.title}: ${(error as Error).message}`);
    }
  }
  return { contenders, milliseconds, firstPassMs };
}

function compiled({ title, rules }: Workload): { policy: CompiledPolicy; compileMs: number } {
  const written = rules.map(asRule);
  const times: number[] = [];
  for (;;) {
    globalThis.gc?.();
    const before = process.cpuUsage();
    // Twice the rules a bundle may have: what a whole workspace of bundles in force comes to.
    const policy = compile({ rules: written }, {}, { maxRules: written.length });
    times.push(cpuMilliseconds(before));
    if (Array.isArray(policy)) throw new Error(`${title}: ${policy[0]?.message}`);
    if (times.length === 5) return { policy, compileMs: median(times) };
  }
}

function targetRows({ title, rules }: Workload, samples: ReadonlyMap<string, Sample>, compileMs: number): string[][] {
  const ours = samples.get(us)!;
  const peersAlone = [...samples].filter(([name]) => name !== us && name !== 'naive loop');
  const others = peersAlone.map(([, sample]) => sample.median);
  const row = (what: string, limit: number, value: number, range: readonly number[]) => [
    what,
    figure(limit),
    figure(value),
    ...(range.length === 0 ? ['', ''] : range.map(figure)),
    value <= limit ? 'met' : 'MISSED',
  ];
  const range = [ours.least, ours.most];
  const rows = [row(`${title}: the fastest peer`, Math.min(...others), ours.median, range)];
  if (title === '200 rules, 10 a pair') rows.push(row(`${title}: 0.35 us`, 0.35, ours.median, range));
  if (title === '2,000 rules in one pair') rows.push(row(`${title}: 0.6 us`, 0.6, ours.median, range));
  if (rules.length === 20_000) rows.push(row(`${title}: compile in 400 ms`, 400, compileMs, []));
  return rows;
}
