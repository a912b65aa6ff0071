import type { BenchRequest } from '../decide/workload.js';
import { cpuSeconds, figure, median, publish, table } from '../report.js';
import { questions } from './questions.js';
import { startBare, startCerbos, startPolicyStudio, type Target } from './target.js';

interface Load {
  readonly answers: number;
  readonly decided: number;
  readonly refused: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

interface Round {
  readonly requestsPerSecond: number;
  readonly decisionsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly refused: number;
  readonly serverCpuUs: number | null;
  readonly databaseCpuUs: number | null;
}

const rounds = 3;
const slotSeconds = 3;
const warmUpSeconds = 1;
const shapes = [
  { title: 'single', batchSize: 1, connections: 50 },
  { title: 'batches of 100', batchSize: 100, connections: 8 },
] as const;

const { load } = (await import(new URL('./load.mjs', import.meta.url).href)) as {
  load(options: {
    url: string;
    headers: Readonly<Record<string, string>>;
    bodies: readonly string[];
    batchSize: number;
    connections: number;
    seconds: number;
  }): Promise<Load>;
};

const targets: Target[] = [];
try {
  const durable = await startPolicyStudio('durable');
  targets.push(durable);
  targets.push(await startPolicyStudio('async'));
  targets.unshift(await startBare(await ask(durable, questions.slice(0, 1), false)));
  const cerbos = await startCerbos();
  if (cerbos !== null) targets.push(cerbos);
  const checked = await checkEqual(targets.filter(({ name }) => name !== 'bare node:http'));
  const sections: string[] = [];
  for (const shape of shapes) sections.push(await compare(shape));
  publish(
    'http',
    [
      `${checked} questions were answered alike by every server that decides. Medians of ${rounds} interleaved rounds of ${slotSeconds} s;`,
      'the load generator and every server share the machine. CPU is user and system time, in microseconds a decision.',
      'Only decisions that were made count; refused are those answered that too many wait to be recorded.',
      ...(cerbos === null ? ['Cerbos is left out: its npm package has no binary for this platform.'] : []),
      '',
      sections.join('\n\n'),
    ].join('\n'),
  );
} finally {
  for (const target of targets) await target.stop();
}

async function ask(target: Target, asked: readonly BenchRequest[], batch: boolean): Promise<unknown> {
  const body = target.body(asked, batch);
  const response = await fetch(target.url(batch), { method: 'POST', headers: target.headers, body });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${target.name}: ${response.status} ${JSON.stringify(answer).slice(0, 500)}`);
  return answer;
}

/** The number of questions on which all agree, singly and in batches; throws at the first on which two do not. */
async function checkEqual(deciding: readonly Target[]): Promise<number> {
  const singles = questions.slice(0, 100);
  const answers: string[] = [];
  for (const target of deciding) {
    const effects: string[] = [];
    for (const question of singles) effects.push(...target.effects(await ask(target, [question], false), false));
    for (let from = 0; from < questions.length; from += 100) {
      effects.push(...target.effects(await ask(target, questions.slice(from, from + 100), true), true));
    }
    if (!effects.includes('allow') || !effects.includes('deny')) throw new Error(`${target.name} always answers alike`);
    answers.push(effects.join());
  }
  deciding.forEach(({ name }, index) => {
    if (answers[index] !== answers[0]) throw new Error(`${name} and ${deciding[0]!.name} do not agree`);
  });
  return singles.length + questions.length;
}

async function compare(shape: (typeof shapes)[number]): Promise<string> {
  const results = new Map(targets.map(({ name }): [string, Round[]] => [name, []]));
  for (const target of targets) await runSlot(target, shape, warmUpSeconds);
  for (let round = 0; round < rounds; round += 1) {
    for (const target of targets) {
      process.stdout.write(`${shape.title}, round ${round + 1} of ${rounds}: ${target.name}\n`);
      results.get(target.name)!.push(await runSlot(target, shape, slotSeconds));
    }
  }
  const rate = (name: string) => median((results.get(name) ?? []).map((round) => round.decisionsPerSecond));
  const peer = [...results.keys()].find((name) => name.startsWith('Cerbos'));
  const rows = [...results].map(([name, own]) => {
    const of = (value: (round: Round) => number | null) => {
      const known = own.map(value).filter((one) => one !== null);
      return known.length === 0 ? Number.NaN : median(known);
    };
    return [
      name,
      figure(of(({ requestsPerSecond }) => requestsPerSecond)),
      figure(rate(name)),
      figure(of(({ p50 }) => p50)),
      figure(of(({ p99 }) => p99)),
      figure(of(({ serverCpuUs }) => serverCpuUs)),
      figure(of(({ databaseCpuUs }) => databaseCpuUs)),
      figure(rate(name) / rate('bare node:http')),
      peer === undefined ? '-' : figure(rate(name) / rate(peer)),
      figure(of(({ refused }) => refused)),
    ];
  });
  const head = [
    '',
    'requests/s',
    'decisions/s',
    'p50 ms',
    'p99 ms',
    'server CPU',
    'database CPU',
    'x bare',
    'x Cerbos',
    '% refused',
  ];
  return `## ${shape.title}, ${shape.connections} connections\n\n${table(head, rows)}`;
}

async function runSlot(target: Target, shape: (typeof shapes)[number], seconds: number): Promise<Round> {
  const { batchSize, connections } = shape;
  const batch = batchSize > 1;
  const bodies: string[] = [];
  for (let from = 0; from < questions.length; from += batchSize) {
    bodies.push(target.body(questions.slice(from, from + batchSize), batch));
  }
  const before = cpu(target);
  const result = await load({
    url: target.url(batch),
    headers: target.headers,
    bodies,
    batchSize,
    connections,
    seconds,
  });
  const after = cpu(target);
  const perDecision = (used: number | null) =>
    used === null || result.decided === 0 ? null : (used * 1_000_000) / result.decided;
  return {
    requestsPerSecond: result.answers / result.seconds,
    decisionsPerSecond: result.decided / result.seconds,
    p50: result.p50,
    p99: result.p99,
    refused: (100 * result.refused) / (result.decided + result.refused),
    serverCpuUs: perDecision(minus(after.server, before.server)),
    databaseCpuUs: perDecision(minus(after.database, before.database)),
  };
}

function cpu(target: Target): { server: number | null; database: number | null } {
  const database = target.databasePids().map(cpuSeconds);
  return {
    server: cpuSeconds(target.pid),
    database: database.length === 0 ? null : database.reduce<number>((sum, one) => sum + (one ?? 0), 0),
  };
}

function minus(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}
