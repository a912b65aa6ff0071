import { type Effect, isTimeZone } from '@policy-studio/engine';
import { LocalPolicy, type LocalRequest, requestFault } from '@policy-studio/sdk';
import { Command, InvalidArgumentError, Option } from 'commander';
import { exitCodes, unusable } from '../exit-code.js';
import { decisionText, traceText } from '../explanation.js';
import { parseDocumentText, readText } from '../input.js';
import { defaultEffectOption } from '../option-values.js';
import { json, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { compileRules, readLists } from '../rules-file.js';

interface EvaluateOptions {
  readonly rules: string;
  readonly request: string;
  readonly lists?: string;
  readonly defaultEffect: Effect;
  readonly explain?: boolean;
  readonly discardFacts?: boolean;
  readonly now?: number;
  readonly timeZone: string;
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

export function evaluateCommand(terminal: Terminal, outcome: Outcome): Command {
  return new Command('evaluate')
    .description('Decide one request with a bundle, without a server')
    .requiredOption('--rules <file>', 'the bundle: .json, .yaml, .yml, or - for standard input')
    .requiredOption('--request <file>', 'the request {agent, action, context}: .json, .yaml, .yml, or -')
    .option('--explain', 'show every candidate rule and condition')
    .option('--lists <file>', 'named lists: {name: [values]} or {name: {values, normalize}}')
    .addOption(defaultEffectOption())
    .option('--discard-facts', 'drop facts the request sets, as a server does with a live one')
    .addOption(
      new Option('--now <time>', 'the time for the facts of the clock, RFC 3339 (default: now)').argParser(time),
    )
    .addOption(
      new Option('--time-zone <name>', 'the zone for the facts of the clock').default('UTC').argParser(timeZone),
    )
    .option('--exit-code', 'exit with 1 unless the effect is allow')
    .option('--json', 'print the decision as JSON')
    .action(async (options: EvaluateOptions) => {
      const effect = await evaluate(options, terminal);
      if (options.exitCode === true && effect !== 'allow') outcome.exitCode = exitCodes.findings;
    });
}

async function evaluate(options: EvaluateOptions, terminal: Terminal): Promise<Effect> {
  if (options.rules === '-' && options.request === '-') throw unusable('only one of --rules and --request can be -');
  const { defaultEffect, now } = options;
  const lists = await readLists(options.lists, terminal);
  const { rules } = await compileRules(options.rules, lists, defaultEffect, terminal);
  const request = await readRequest(options.request, terminal);
  const policy = LocalPolicy.fromBundle({
    rules,
    lists,
    defaultEffect,
    timeZone: options.timeZone,
    trustFacts: options.discardFacts !== true,
    ...(now === undefined ? {} : { clock: () => now }),
  });
  const { decision, trace, truncated } = policy.explain(request);
  const { out } = terminal;
  if (options.json === true) {
    out.write(json(options.explain === true ? { ...decision, trace, truncated } : decision));
  } else {
    out.write(decisionText(decision, out.style));
    if (options.explain === true) out.write(`\n${traceText({ trace, truncated }, out.style)}`);
  }
  return decision.effect;
}

async function readRequest(path: string, terminal: Terminal): Promise<LocalRequest> {
  const file = await readText(path, terminal);
  const request = parseDocumentText(file);
  if (Array.isArray(request)) {
    throw unusable(`${file.name}: holds several requests; evaluate takes one, \`replay\` takes one a line`);
  }
  const fault = requestFault(request);
  if (fault !== null) throw unusable(`${file.name}: ${fault.message}`);
  return request as LocalRequest;
}

function time(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError('write it like 2026-03-01T09:30:00Z');
  return ms;
}

function timeZone(text: string): string {
  if (!isTimeZone(text)) throw new InvalidArgumentError('use an IANA name such as Europe/Madrid');
  return text;
}
