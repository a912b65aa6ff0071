import type { Budgets } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { integerIn } from '../option-values.js';
import { clipped, count, json, moment, printable, share, type Terminal, table } from '../output.js';

type Cap = Budgets['caps'][number];
type Account = Cap['accounts'][number];

interface BudgetOptions extends ConnectionOptions {
  readonly agent?: string;
  readonly session?: string;
  readonly limit: number;
}

export function budgetsCommand(terminal: Terminal): Command {
  return connected(new Command('budgets'))
    .description('What is used of each cap now, and when it begins anew')
    .option('--agent <name>', 'of the caps of agents, only this one')
    .option('--session <session>', 'of the caps of sessions, only this one')
    .addOption(new Option('--limit <n>', 'accounts of each cap').default(20).argParser(integerIn('the limit', 1, 200)))
    .action(async ({ agent, session, limit, ...options }: BudgetOptions) => {
      const client = await connect(options, terminal);
      const budgets = await client.budgets.getBudgets({
        limit,
        ...(agent === undefined ? {} : { agent }),
        ...(session === undefined ? {} : { session }),
      });
      const { out } = terminal;
      if (options.json === true) return out.write(json(budgets));
      if (budgets.caps.length === 0) {
        return out.write('no caps; policy-studio settings set \'caps=[{"scope": "agent", "calls": 1000}]\' sets one\n');
      }
      const red = (cell: string): string => (cell.startsWith('none') ? out.style.red(cell) : cell);
      out.write(
        table(
          [
            { title: 'cap' },
            { title: 'of' },
            { title: 'used', align: 'right' },
            { title: 'limit', align: 'right' },
            { title: '', align: 'right' },
            { title: 'left', align: 'right', style: red },
            { title: 'reserved', align: 'right' },
            { title: 'begins anew' },
            { title: 'refused since' },
          ],
          budgets.caps.flatMap(rowsOf),
          out.style,
        ),
      );
      for (const cap of budgets.caps) {
        const more = cap.total_accounts - cap.accounts.length;
        if (more > 0) out.write(`${printable(nameOf(cap))}: ${count(more)} more; --limit shows them\n`);
      }
      out.write(`${budgets.day} in ${printable(budgets.time_zone)}\n`);
    });
}

function nameOf({ setting, scope, agent }: Cap): string {
  if (setting === 'cost_budget_24h') return setting;
  return agent === null ? scope : `${scope} ${agent}`;
}

function rowsOf(cap: Cap): string[][] {
  if (cap.accounts.length === 0) return [[printable(nameOf(cap)), 'nobody yet']];
  return cap.accounts.flatMap((account) => [
    ...(account.spend === null ? [] : [row(cap, account, account.spend, usd, usd(account.spend.reserved))]),
    ...(account.calls === null ? [] : [row(cap, account, account.calls, calls, '')]),
  ]);
}

function row(
  cap: Cap,
  { subject, resets_at, refused_at }: Account,
  { limit, used, left }: { readonly limit: number; readonly used: number; readonly left: number },
  text: (amount: number) => string,
  reserved: string,
): string[] {
  return [
    printable(nameOf(cap)),
    subject === null ? 'everybody' : printable(clipped(subject, 48)),
    text(used),
    text(limit),
    share(used, limit),
    left === 0 ? 'none' : text(left),
    reserved,
    resets_at === null ? 'never' : moment(resets_at),
    moment(refused_at),
  ];
}

function usd(amount: number): string {
  return `${Number(amount.toFixed(6))} USD`;
}

function calls(amount: number): string {
  return `${count(amount)} ${amount === 1 ? 'call' : 'calls'}`;
}
