import { Command, InvalidArgumentError, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { unusable } from '../exit-code.js';
import { parseDocumentText, readText } from '../input.js';
import { idArgument } from '../option-values.js';
import { json, moment, printable, shown, type Terminal } from '../output.js';

export function settingsCommand(terminal: Terminal): Command {
  const command = new Command('settings').description('What a workspace has chosen');
  command.addCommand(showCommand(terminal));
  command.addCommand(setCommand(terminal));
  return command;
}

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('All settings')
    .action(async (options: ConnectionOptions) => {
      const settings = await (await connect(options, terminal)).settings.getSettings();
      const { out } = terminal;
      if (options.json === true) return out.write(json(settings));
      const { updated_at: at, updated_by: by, ...values } = settings;
      const lines = flat(values).map(([name, value]) => `${out.style.dim(name.padEnd(32))}${shown(value, 200)}\n`);
      out.write(lines.join(''));
      out.write(at === null ? 'never changed\n' : `changed ${moment(at)} by ${printable(by ?? '-')}\n`);
    });
}

/** Settings one a line: groups as `gates.max_error_rate`. */
function flat(values: Readonly<Record<string, unknown>>, before = ''): [string, unknown][] {
  return Object.entries(values).flatMap(([name, value]): [string, unknown][] => {
    const group = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    return group ? flat(value as Record<string, unknown>, `${before}${name}.`) : [[`${before}${name}`, value]];
  });
}

interface SetOptions extends ConnectionOptions {
  readonly file?: string;
  readonly approval?: number;
}

function setCommand(terminal: Terminal): Command {
  return connected(new Command('set'))
    .description('Change settings; what is not named stays. Protected ones need an approval under four eyes')
    .argument('[changes...]', 'name=value, such as default_effect=deny or gates.max_error_rate=0.02', changed, [])
    .option('--file <file>', 'settings as an object: .json, .yaml, .yml, or -')
    .addOption(new Option('--approval <id>', 'the approval to use, where one is needed').argParser(idArgument))
    .action(async (changes: readonly Change[], { file, approval, ...options }: SetOptions) => {
      if (file === '-' && options.tokenFile === '-') throw unusable('only one of --file and --token-file can be -');
      if ((file === undefined) === (changes.length === 0)) throw unusable('give name=value or --file, one of them');
      const wanted = file === undefined ? nested(changes) : await readObject(file, terminal);
      const client = await connect(options, terminal);
      // What settings there are, and which values they take, is for the server to say.
      const settings = await client.settings.putSettings({
        ...wanted,
        ...(approval === undefined ? {} : { approval_id: approval }),
      } as Parameters<typeof client.settings.putSettings>[0]);
      const names = Object.keys(wanted).map(printable).join(', ');
      terminal.out.write(options.json === true ? json(settings) : `changed ${names}\n`);
    });
}

type Change = readonly [path: readonly string[], value: unknown];

function changed(text: string, before: readonly Change[]): Change[] {
  const [, name, value] = /^([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_-]*)?)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('a change is name=value, such as dwell_hours=12');
  }
  return [...before, [name.split('.'), readValue(value)]];
}

/** Numbers, true, false, null, lists and objects as in JSON; anything else is text as it stands. */
function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function nested(changes: readonly Change[]): Record<string, unknown> {
  const wanted: Record<string, unknown> = {};
  for (const [[group = '', name], value] of changes) {
    if (name === undefined) wanted[group] = value;
    else wanted[group] = { ...(wanted[group] as object | undefined), [name]: value };
  }
  return wanted;
}

async function readObject(path: string, terminal: Terminal): Promise<Record<string, unknown>> {
  const text = await readText(path, terminal);
  const value = parseDocumentText(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw unusable(`${text.name}: settings are an object, such as {"default_effect": "deny"}`);
}
