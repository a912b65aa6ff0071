/** How long lint and diff take, first and again, with a memory after an edit, and what narrower checks of the same rules take. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type CompiledPolicy,
  compile,
  createLintMemory,
  type LintReport,
  lint,
  lintSource,
  type RuleInput,
  semanticDiff,
} from '@policy-studio/engine';
import { Ajv } from 'ajv';
import { edited, numbersFrom, respelled, rulesOver } from '../analysis/workload.js';
import { figure, publish, table } from '../report.js';

/** Plain JavaScript: the peers are not there when the repository is type-checked. */
const { validation } = (await import(new URL('./cedar.mjs', import.meta.url).href)) as {
  validation(rules: readonly RuleInput[]): () => number;
};

interface Subject {
  readonly name: string;
  /** In milliseconds of the column it is about. */
  readonly target?: string;
  readonly rounds: number;
  /** What is prepared is not timed. Each round is given its number. */
  prepare(): (round: number) => () => string;
}

const thousand = () => rulesOver(1_000, 100);
const tenThousand = () => rulesOver(10_000, 1_000);

const subjects: readonly Subject[] = [
  linted('lint 1,000 rules over 100 pairs', thousand, 25, 'then 100, first 500'),
  linted('lint 10,000 rules over 1,000 pairs', tenThousand, 9, 'then 2,000'),
  linted('lint 10,000 rules, 20 of them in every pair', () => rulesOver(10_000, 1_000, { wide: 20 }), 7),
  linted('lint one pair of 200 rules', () => rulesOver(200, 1), 15, 'then 500'),
  sourced('lint 1,000 rules from JSON text', 'json', thousand),
  relinted('lint 1,000 rules again after an edit of one', thousand, 200, 'p95 15'),
  relinted('lint 10,000 rules again after an edit of one', tenThousand, 40),
  diffed('diff 1,000 rules, 5 % of them edited', (rules) => edited(rules, 5)),
  diffed('diff 1,000 rules with a renamed, reordered, respelled copy', respelled),
  validated('Cedar validates 1,000 policies (types alone)', thousand),
  validated('Cedar validates 10,000 policies (types alone)', tenThousand),
  shaped('Ajv checks 1,000 rules (JSON Schema alone)', thousand),
  shaped('Ajv checks 10,000 rules (JSON Schema alone)', tenThousand),
];

function linted(name: string, rulesOf: () => RuleInput[], rounds: number, target?: string): Subject {
  const prepare = () => {
    const rules = rulesOf();
    return () => () => said(lint(rules));
  };
  return { name, rounds, prepare, ...(target === undefined ? {} : { target }) };
}

function sourced(name: string, format: 'json', rulesOf: () => RuleInput[]): Subject {
  const prepare = () => {
    const text = JSON.stringify({ rules: rulesOf() }, null, 2);
    return () => () => said(lintSource(text, format));
  };
  return { name, rounds: 15, prepare };
}

/** Each round is handed rules read anew, one of them with another threshold and another effect than in the round before. */
function relinted(name: string, rulesOf: () => RuleInput[], rounds: number, target?: string): Subject {
  const prepare = () => {
    const memory = createLintMemory();
    const next = numbersFrom(3);
    const text = JSON.stringify(rulesOf());
    lint(JSON.parse(text), { memory });
    return () => {
      const rules = JSON.parse(text) as RuleInput[];
      const place = next(rules.length);
      const { effect } = rules[place] as RuleInput;
      rules[place] = {
        ...(rules[place] as RuleInput),
        effect: effect === 'deny' ? 'allow' : 'deny',
        conditions: { '>=risk_score': next(100) },
      };
      return () => said(lint(rules, { memory }));
    };
  };
  return { name, rounds, prepare, ...(target === undefined ? {} : { target }) };
}

function diffed(name: string, change: (rules: readonly RuleInput[]) => RuleInput[]): Subject {
  const prepare = () => {
    const before = thousand();
    const after = change(before);
    return () => {
      const [a, b] = [compiled(before), compiled(after)];
      return () => {
        const { equal, changes, undecided } = semanticDiff(a, b);
        return equal ? 'equal' : `${changes.length} changes, ${undecided.length} undecided`;
      };
    };
  };
  return { name, rounds: 15, prepare, target: 'then 200' };
}

function validated(name: string, rulesOf: () => RuleInput[]): Subject {
  const prepare = () => {
    const validate = validation(rulesOf());
    return () => () => `${validate()} errors`;
  };
  return { name, rounds: 7, prepare };
}

function shaped(name: string, rulesOf: () => RuleInput[]): Subject {
  const prepare = () => {
    const schema = new URL('../../packages/engine/schema/rule.schema.json', import.meta.url);
    const validate = new Ajv({ allErrors: true }).compile(JSON.parse(readFileSync(schema, 'utf8')) as object);
    const rules = rulesOf();
    return () => () => `${rules.filter((rule) => !validate(rule)).length} errors`;
  };
  return { name, rounds: 25, prepare };
}

function compiled(rules: readonly RuleInput[]): CompiledPolicy {
  const policy = compile({ rules });
  if (Array.isArray(policy)) throw new Error(JSON.stringify(policy[0]));
  return policy;
}

function said({ summary }: LintReport): string {
  return `${summary.errors} errors, ${summary.warnings} warnings, ${summary.info} info`;
}

/** CPU milliseconds of each round, the collection of garbage included, wherever it falls. */
function timed({ prepare }: Subject, rounds: number): { times: number[]; found: string } {
  const of = prepare();
  const times: number[] = [];
  let found = '';
  for (let round = 0; round < rounds; round++) {
    const run = of(round);
    const before = process.cpuUsage();
    found = run();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  return { times, found };
}

/** The first run of a fresh process, its code not yet optimised. */
function coldMs(subject: Subject): number {
  const main = fileURLToPath(import.meta.url);
  const { stdout, status } = spawnSync(process.execPath, [...process.execArgv, main, '--cold', subject.name], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the cold run of ${subject.name} failed`);
  return Number(stdout);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function rowOf(subject: Subject): string[] {
  const { times, found } = timed(subject, subject.rounds + 3);
  const sorted = times.slice(3).sort((a, b) => a - b);
  const p95 = sorted.length >= 20 ? figure(percentile(sorted, 0.95)) : '-';
  return [subject.name, figure(coldMs(subject)), figure(percentile(sorted, 0.5)), p95, subject.target ?? '-', found];
}

const coldName = process.argv[process.argv.indexOf('--cold') + 1];
const cold = process.argv.includes('--cold') ? subjects.find(({ name }) => name === coldName) : undefined;
if (cold !== undefined) process.stdout.write(String(timed(cold, 1).times[0]));
else {
  const only = process.argv[2]?.startsWith('--') ? undefined : process.argv[2];
  const rows = subjects.filter(({ name }) => only === undefined || name.includes(only)).map(rowOf);
  publish('lint', table(['subject, ms of CPU', 'first', 'then', 'p95', 'target', 'found'], rows));
}
