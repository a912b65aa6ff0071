import { publish, repositoryRoot, table } from '../report.js';
import { type ExampleBundle, exampleBundles } from './bundles.js';
import { type Judgement, judge, type Tally } from './judge.js';
import { locateRecordings, type RecordedRun, readRuns, recordingsAbsent } from './recordings.js';
import { references } from './reference.js';
import { type Replay, replayRecordings } from './replay.js';

interface Row {
  readonly bundle: ExampleBundle;
  readonly judgement: Judgement;
  readonly callsPerSecond: number;
}

const folder = locateRecordings(repositoryRoot, process.env);
if (folder === null) {
  process.stdout.write(`bench/agentdojo ${recordingsAbsent}\n`);
} else {
  const runs = await readRuns(folder);
  const rows: Row[] = [];
  const replays: Replay[] = [];
  for (const bundle of exampleBundles(repositoryRoot)) {
    const replay = await replayRecordings(folder, [bundle], references);
    const { calls, effects, seconds } = replay;
    rows.push({
      bundle,
      judgement: judge(runs, calls, effects.get(bundle.name)!),
      callsPerSecond: calls.length / seconds,
    });
    replays.push(replay);
    process.stdout.write(`${bundle.name}: ${calls.length.toLocaleString('en')} calls in ${seconds.toFixed(1)} s\n`);
  }
  publish('agentdojo', report(runs, rows, replays));
  if (!rows.every(agrees) || replays.some(({ differences }) => differences.length > 0)) process.exitCode = 1;
}

function report(runs: readonly RecordedRun[], rows: readonly Row[], replays: readonly Replay[]): string {
  const { calls, bad, refusable } = replays[0]!;
  const injected = calls.map(({ labels }) => (labels.injected ? ('deny' as const) : ('allow' as const)));
  const bound = judge(runs, calls, injected).total;
  const malformed = refusable.first.map(({ line, message }) => `line ${line}: ${message}`).join('; ');
  const differences = replays.flatMap((replay) => replay.differences);
  return [
    `${calls.length.toLocaleString('en')} recorded calls decided, ${bad.count} lines unreadable.`,
    ...(refusable.count === 0 ? [] : [`Decided here, though a server would refuse it as malformed: ${malformed}.`]),
    `${bound.attackRuns.toLocaleString('en')} attack runs, ${bound.succeeded.toLocaleString('en')} successful (${percent(bound.succeeded, bound.attackRuns, 2)});`,
    `${bound.benignRuns.toLocaleString('en')} benign runs, ${percent(bound.useful, bound.benignRuns, 1)} useful.`,
    `Refusing exactly the injected calls would leave ${percent(bound.left, bound.attackRuns, 2)}: those attacks succeed without one.`,
    '',
    table(
      ['bundle', 'attack before', 'left', 'utility kept', 'approvals / 100', 'of benign', 'calls/s', 'reference'],
      rows.map((row) => totalRow(row)),
    ),
    '',
    'Approvals are judged with an approver who knows the labels. Without one:',
    '',
    table(
      ['bundle', 'left if all is approved', 'utility kept if nobody answers'],
      rows
        .filter(({ judgement }) => judgement.total.approvals > 0)
        .map(({ bundle, judgement: { total } }) => [
          bundle.name,
          percent(total.leftWhenWavedThrough, total.attackRuns, 2),
          percent(total.keptUnattended, total.benignRuns, 1),
        ]),
    ),
    ...rows.flatMap(({ bundle, judgement }) => ['', `## ${bundle.name}, by suite`, '', suiteTable(judgement)]),
    ...(differences.length === 0
      ? []
      : ['', `## ${differences.length} calls decided otherwise than the reference`, '']),
    ...differences.slice(0, 50).map(({ bundle, caseId, decided }) => `- ${bundle}: ${caseId}: ${decided}`),
  ].join('\n');
}

function totalRow(row: Row): string[] {
  const { bundle, callsPerSecond } = row;
  const { total } = row.judgement;
  const reference = references.find(({ bundle: name }) => name === bundle.name);
  const expected = reference && `${reference.attackSuccessLeft} %, ${reference.utilityKept} %`;
  return [
    bundle.name,
    ...effectiveness(total),
    Math.round(callsPerSecond).toLocaleString('en'),
    expected === undefined ? '' : `${expected}: ${agrees(row) ? 'equal' : 'DIFFERS'}`,
  ];
}

function effectiveness(tally: Tally): string[] {
  return [
    percent(tally.succeeded, tally.attackRuns, 2),
    percent(tally.left, tally.attackRuns, 2),
    percent(tally.kept, tally.benignRuns, 1),
    ((100 * tally.approvals) / tally.calls).toFixed(1),
    ((100 * tally.benignApprovals) / tally.benignCalls).toFixed(1),
  ];
}

function suiteTable({ suites }: Judgement): string {
  return table(
    ['suite', 'attack before', 'left', 'utility before', 'kept', 'approvals / 100', 'of benign'],
    [...suites].sort().map(([suite, tally]) => {
      const [before, left, kept, ...approvals] = effectiveness(tally) as [string, string, string, string, string];
      return [suite, before, left, percent(tally.useful, tally.benignRuns, 1), kept, ...approvals];
    }),
  );
}

/** A bundle without a reference row agrees. */
function agrees({ bundle, judgement: { total } }: Row): boolean {
  const reference = references.find(({ bundle: name }) => name === bundle.name);
  return (
    reference === undefined ||
    (percent(total.left, total.attackRuns, 2) === `${reference.attackSuccessLeft} %` &&
      percent(total.kept, total.benignRuns, 1) === `${reference.utilityKept} %`)
  );
}

function percent(part: number, whole: number, digits: number): string {
  return `${((100 * part) / whole).toFixed(digits)} %`;
}
