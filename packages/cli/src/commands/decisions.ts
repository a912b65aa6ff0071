import type { CandidateTrace } from '@policy-studio/engine';
import type { DecisionRecord } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes } from '../exit-code.js';
import { decisionText, traceText } from '../explanation.js';
import { integerIn } from '../option-values.js';
import { clipped, effectStyle, json, printable, type Style, shown, type Terminal, table } from '../output.js';
import type { Outcome } from '../program.js';
import { bundleArgument, findBundle } from './bundle-reference.js';
import { wouldDenyCommand } from './would-deny.js';

export function decisionsCommand(terminal: Terminal, outcome: Outcome): Command {
  const command = new Command('decisions').description('Recorded decisions');
  command.addCommand(listCommand(terminal));
  command.addCommand(showCommand(terminal));
  command.addCommand(replayCommand(terminal, outcome));
  command.addCommand(wouldDenyCommand(terminal));
  return command;
}

interface ListOptions extends ConnectionOptions {
  readonly agent?: string;
  readonly action?: string;
  readonly effect?: DecisionRecord['effect'];
  readonly rule?: string;
  readonly bundle?: string;
  readonly arm?: 'stable' | 'canary';
  readonly session?: string;
  readonly failed?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly cursor?: string;
  readonly limit: number;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Decisions, newest first')
    .option('--agent <name>', 'only of this agent')
    .option('--action <name>', 'only of this action')
    .addOption(new Option('--effect <effect>', 'only these').choices(['allow', 'deny', 'needs_approval']))
    .option('--rule <id>', 'only those this rule decided')
    .option('--bundle <bundle>', `only those of this bundle: ${bundleArgument}`)
    .addOption(
      new Option('--arm <arm>', 'of a rollout: only those of its canary, or of what was before').choices([
        'stable',
        'canary',
      ]),
    )
    .option('--session <name>', 'only of this session')
    .option('--failed', 'only those that could not be evaluated, or whose outcome was an error')
    .option('--from <time>', 'not older, RFC 3339')
    .option('--to <time>', 'older, RFC 3339')
    .option('--cursor <cursor>', 'go on where a page ended')
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 200)))
    .action(async ({ bundle, failed, limit, ...options }: ListOptions) => {
      const client = await connect(options, terminal);
      const { agent, action, effect, rule, session, arm, from, to, cursor } = options;
      const bundle_id = bundle === undefined ? undefined : (await findBundle(client, bundle)).id;
      const status = failed === true ? 'error' : undefined;
      const filters = { agent, action, effect, rule, session, arm, from, to, cursor, bundle_id, status };
      const given = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined));
      const page = await client.decisions.listDecisions({ limit, ...given });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.decisions.length === 0) return out.write('no decisions\n');
      out.write(decisionTable(page.decisions, out.style));
      if (page.next_cursor !== null) out.write(`more with --cursor ${page.next_cursor}\n`);
    });
}

function decisionTable(decisions: readonly DecisionRecord[], style: Style): string {
  const columns = ['at', 'id', 'effect', 'agent', 'action', 'rule', 'bundle'].map((title) => ({ title }));
  const rows = decisions.map((decision) => [
    decision.created_at.slice(0, 19).replace('T', ' '),
    decision.decision_id,
    decision.effect,
    printable(clipped(decision.agent, 40)),
    printable(clipped(decision.action, 40)),
    decision.matched_rule ?? '-',
    decision.bundle?.version ?? '-',
  ]);
  return table(columns, rows, style);
}

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('One decision with what it was made from')
    .argument('<id>', 'the decision')
    .option('--explain', 'show every candidate rule and condition')
    .action(async (id: string, options: ConnectionOptions & { explain?: boolean }) => {
      const client = await connect(options, terminal);
      const record = await client.decisions.getDecision({ id, explain: options.explain === true });
      const { out } = terminal;
      if (options.json === true) return out.write(json(record));
      out.write(recordText(record, out.style));
      if (Array.isArray(record.trace)) {
        const trace = record.trace as CandidateTrace[];
        out.write(`\n${traceText({ trace, truncated: 0 }, out.style)}`);
      }
    });
}

function recordText(record: DecisionRecord, style: Style): string {
  const { agent, action, created_at, decision_id, session, outcome, bundle, context } = record;
  const about: [string, string][] = [
    ['id', decision_id],
    ['at', created_at],
    ['asked', printable(`${agent} ${action}${session === null ? '' : ` in session ${session}`}`)],
    ['by', printable(record.caller.owner)],
    ['bundle', bundle === null ? 'none' : `${bundle.version} (id ${bundle.id})`],
    ['context', shown(context, 1000)],
    ['outcome', outcome === null ? '-' : outcome.status],
  ];
  const lines = about.map(([name, value]) => `${style.dim(name.padEnd(8))}${value}\n`);
  return `${decisionText(record, style)}${lines.join('')}`;
}

function replayCommand(terminal: Terminal, outcome: Outcome): Command {
  return connected(new Command('replay'))
    .description('Decide a recorded decision again from its record, and compare; exits with 1 when it differs')
    .argument('<id>', 'the decision')
    .action(async (id: string, options: ConnectionOptions) => {
      const answer = await (await connect(options, terminal)).decisions.replayDecision({ id });
      const { out } = terminal;
      const { same, differences, decision } = answer;
      if (!same) outcome.exitCode = exitCodes.findings;
      if (options.json === true) return out.write(json(answer));
      const effect = effectStyle(out.style, decision.effect)(decision.effect);
      const rule = decision.matched_rule ?? 'no rule';
      out.write(
        same
          ? `the same: ${effect} by ${rule}\n`
          : `${out.style.bold('differs')} in ${differences.join(', ')}: now ${effect} by ${rule}\n`,
      );
    });
}
