import type { FreezeWindow } from '@policy-studio/sdk';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { unusable } from '../exit-code.js';
import { idArgument } from '../option-values.js';
import { clipped, json, moment, printable, type Style, type Terminal, table } from '../output.js';

export function freezeWindowsCommand(terminal: Terminal): Command {
  const command = new Command('freeze-windows').description('Times at which nothing is activated or promoted');
  command.addCommand(listCommand(terminal));
  command.addCommand(addCommand(terminal));
  command.addCommand(switchCommand('enable', 'Let a window freeze again', terminal));
  command.addCommand(switchCommand('disable', 'Keep a window, which freezes nothing until it is enabled', terminal));
  command.addCommand(removeCommand(terminal));
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Windows, when each is on, and what is frozen now')
    .action(async (options: ConnectionOptions) => {
      const page = await (await connect(options, terminal)).freezes.listFreezeWindows();
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.freeze_windows.length === 0) out.write('no freeze windows\n');
      else out.write(windowTable(page.freeze_windows, out.style));
      const { freeze } = page;
      if (freeze === null) return out.write('nothing is frozen now\n');
      const pins = freeze.bundle_pin === null ? [] : [`the pin to bundle ${freeze.bundle_pin.version}`];
      const names = [...freeze.windows.map(({ name }) => printable(name)), ...pins].join(', ');
      const end = freeze.until === null ? 'until somebody ends the pin' : `until ${moment(freeze.until)}`;
      out.write(`${out.style.yellow('frozen')} ${end}: ${names}\n`);
    });
}

function windowTable(windows: readonly FreezeWindow[], style: Style): string {
  const columns = ['id', 'name', 'when', 'zone', 'state', 'next', 'by'].map((title) => ({ title }));
  const rows = windows.map((window) => [
    String(window.id),
    printable(clipped(window.name, 32)),
    ruleText(window.rule),
    window.time_zone,
    stateText(window),
    moment(window.next?.from ?? null),
    printable(clipped(window.created_by, 24)),
  ]);
  return table(columns, rows, style);
}

function stateText({ enabled, current }: FreezeWindow): string {
  if (!enabled) return 'disabled';
  return current === null ? 'off' : `on until ${moment(current.to)}`;
}

function ruleText(rule: FreezeWindow['rule']): string {
  switch (rule.type) {
    case 'daily':
      return `${rule.days.length === 7 ? 'every day' : rule.days.join(',')} ${rule.from}-${rule.to}`;
    case 'weekly':
      return `${rule.from.day} ${rule.from.time} to ${rule.to.day} ${rule.to.time}`;
    case 'yearly':
      return `every year ${rule.from} to ${rule.to}`;
    case 'dates':
      return `${rule.from} to ${rule.to}`;
  }
}

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
type Weekday = (typeof weekdays)[number];

interface AddOptions extends ConnectionOptions {
  readonly days?: readonly Weekday[];
  readonly from: string;
  readonly to: string;
  readonly timeZone?: string;
  readonly reason?: string;
}

const examples = `
When it is on is told by the form of --from and --to:
  --from "friday 16:00" --to "monday 08:00"                 every week
  --days monday,tuesday --from 22:00 --to 06:00             from these days on (without --days: every day)
  --from 12-20 --to 01-02                                   every year, whole days, the last one included
  --from 2026-12-20T18:00 --to 2026-12-21T06:00             once`;

function addCommand(terminal: Terminal): Command {
  return connected(new Command('add'))
    .description('Add a window; it is in force at once')
    .argument('<name>', 'what it is called')
    .requiredOption('--from <time>', 'when it begins')
    .requiredOption('--to <time>', 'when it is over')
    .addOption(new Option('--days <days>', 'of a daily one: on which days it begins, with commas').argParser(daysOf))
    .option('--time-zone <name>', "an IANA name such as Europe/Vienna (default: the workspace's)")
    .option('--reason <text>', 'why, for whoever is refused')
    .addHelpText('after', examples)
    .action(async (name: string, { from, to, days, timeZone, reason, ...options }: AddOptions) => {
      const rule = ruleOf(from, to, days);
      const client = await connect(options, terminal);
      const made = await client.freezes.createFreezeWindow({
        name,
        rule,
        ...(timeZone === undefined ? {} : { time_zone: timeZone }),
        ...(reason === undefined ? {} : { reason }),
      });
      print(made, options, terminal);
    });
}

function daysOf(text: string): Weekday[] {
  return text.split(',').map((part) => {
    const name = part.trim().toLowerCase();
    const day = weekdays.find((one) => one === name || (name.length >= 2 && one.startsWith(name)));
    if (day === undefined) throw new InvalidArgumentError('days are names such as monday, with commas between them');
    return day;
  });
}

const time = '([01]\\d|2[0-3]):[0-5]\\d';
const monthDay = '(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])';
const dayAndTime = new RegExp(`^([a-z]{2,9}) (${time})$`, 'i');

/** The rule that two times describe; the server looks whether it makes sense. */
function ruleOf(from: string, to: string, days: readonly Weekday[] | undefined): FreezeWindow['rule'] {
  const both = (pattern: RegExp): boolean => pattern.test(from) && pattern.test(to);
  if (both(new RegExp(`^${time}$`))) return { type: 'daily', days: [...(days ?? weekdays)], from, to };
  if (days !== undefined) throw unusable('--days is for a window with times of day alone, such as --from 22:00');
  if (both(dayAndTime)) return { type: 'weekly', from: pointOf(from), to: pointOf(to) };
  if (both(new RegExp(`^${monthDay}$`))) return { type: 'yearly', from, to };
  if (both(new RegExp(`^20\\d\\d-${monthDay}T${time}$`))) return { type: 'dates', from, to };
  throw unusable(
    `--from ${printable(from)} and --to ${printable(to)} are no window: policy-studio freeze-windows add --help shows the four forms`,
  );
}

function pointOf(text: string): { day: Weekday; time: string } {
  const [, name = '', at = ''] = dayAndTime.exec(text) ?? [];
  try {
    const [day] = daysOf(name) as [Weekday];
    return { day, time: at };
  } catch {
    throw unusable(`${printable(name)} is no day of the week`);
  }
}

function switchCommand(name: 'enable' | 'disable', description: string, terminal: Terminal): Command {
  return connected(new Command(name))
    .description(description)
    .argument('<id>', 'the window', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.freezes.putFreezeWindow({ id, enabled: name === 'enable' }), options, terminal);
    });
}

function removeCommand(terminal: Terminal): Command {
  return connected(new Command('remove'))
    .description('Remove a window')
    .argument('<id>', 'the window', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      await (await connect(options, terminal)).freezes.deleteFreezeWindow({ id });
      terminal.out.write(options.json === true ? json({ removed: id }) : `removed freeze window ${id}\n`);
    });
}

function print(window: FreezeWindow, { json: asJson }: ConnectionOptions, { out }: Terminal): void {
  if (asJson === true) {
    out.write(json(window));
    return;
  }
  const { id, name, rule, time_zone: zone, next } = window;
  const state = window.enabled && window.current === null ? '' : `, ${stateText(window)}`;
  const coming = next === null || !window.enabled ? '' : `, next from ${moment(next.from)}`;
  out.write(`freeze window ${id} ${printable(name)}: ${ruleText(rule)} in ${zone}${state}${coming}\n`);
}
