import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { unusable } from '../exit-code.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, plural, printable, type Terminal, table } from '../output.js';
import { readListFile } from '../rules-file.js';

export function listsCommand(terminal: Terminal): Command {
  const command = new Command('lists').description('Named lists on a server');
  command.addCommand(listCommand(terminal));
  command.addCommand(showCommand(terminal));
  command.addCommand(historyCommand(terminal));
  command.addCommand(putCommand(terminal));
  command.addCommand(deleteCommand(terminal));
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Named lists, by name')
    .action(async (options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const page = await client.lists.listLists({ limit: 200 });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.lists.length === 0) return out.write('no lists\n');
      const columns = [
        { title: 'name' },
        { title: 'version', align: 'right' as const },
        { title: 'values', align: 'right' as const },
        { title: 'normalize' },
        { title: 'live' },
        { title: 'changed' },
        { title: 'by' },
      ];
      const rows = page.lists.map((list) => [
        list.name,
        String(list.version),
        count(list.size),
        list.normalize ?? '-',
        list.live ? 'yes' : 'no',
        moment(list.updated_at),
        printable(clipped(list.updated_by, 24)),
      ]);
      out.write(table(columns, rows, out.style));
      if (page.total > rows.length) out.write(`${count(page.total)} in all\n`);
    });
}

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('The values of a list, one a line')
    .argument('<name>', 'the list')
    .action(async (name: string, options: ConnectionOptions) => {
      const list = await (await connect(options, terminal)).lists.getList({ name });
      const lines = list.values.map((value) => `${typeof value === 'string' ? printable(value) : String(value)}\n`);
      terminal.out.write(options.json === true ? json(list) : lines.join(''));
    });
}

function historyCommand(terminal: Terminal): Command {
  return connected(new Command('history'))
    .description('The versions of a list, newest first')
    .argument('<name>', 'the list')
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 200)))
    .action(async (name: string, { limit, ...options }: ConnectionOptions & { limit: number }) => {
      const page = await (await connect(options, terminal)).lists.listListVersions({ name, limit });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      const columns = [
        { title: 'version', align: 'right' as const },
        { title: 'values', align: 'right' as const },
        { title: 'normalize' },
        { title: 'made' },
        { title: 'by' },
        { title: 'digest' },
      ];
      const rows = page.versions.map(({ version, size, normalize, created_at: at, created_by: by, digest }) => [
        String(version),
        count(size),
        normalize ?? '-',
        moment(at),
        printable(clipped(by, 24)),
        digest.slice(0, 12),
      ]);
      out.write(table(columns, rows, out.style));
      if (page.total > rows.length) out.write(`${count(page.total)} in all; --limit shows more\n`);
    });
}

interface PutOptions extends ConnectionOptions {
  readonly normalize?: 'lower' | 'email' | 'host';
  readonly live?: boolean;
  readonly description?: string;
  readonly approval?: number;
}

function putCommand(terminal: Terminal): Command {
  return connected(new Command('put'))
    .description('Create or change a list')
    .argument('<name>', 'the list')
    .argument('<file>', 'its values, an array, or {values, normalize}: .json, .yaml, .yml, or -')
    .addOption(new Option('--normalize <how>', 'how strings are compared').choices(['lower', 'email', 'host']))
    .option('--live', 'for a new list: later changes take effect without an approval')
    .option('--description <text>', 'what it holds')
    .addOption(new Option('--approval <id>', 'the approval to use, where one is needed').argParser(idArgument))
    .action(async (name: string, path: string, options: PutOptions) => {
      if (path === '-' && options.tokenFile === '-') throw unusable('only one of the values and --token-file can be -');
      const { values, normalize } = await readListFile(path, name, terminal);
      const how = options.normalize ?? normalize;
      const client = await connect(options, terminal);
      const list = await client.lists.putList({
        name,
        values: [...values],
        ...(how === undefined ? {} : { normalize: how }),
        ...(options.live === true ? { live: true } : {}),
        ...(options.description === undefined ? {} : { description: options.description }),
        ...(options.approval === undefined ? {} : { approval_id: options.approval }),
      });
      const done = `${list.name} is at version ${list.version} with ${plural(list.size, 'value')}\n`;
      terminal.out.write(options.json === true ? json(list) : done);
    });
}

function deleteCommand(terminal: Terminal): Command {
  return connected(new Command('delete'))
    .description('Delete a list that no bundle in force reads')
    .argument('<name>', 'the list')
    .action(async (name: string, options: ConnectionOptions) => {
      await (await connect(options, terminal)).lists.deleteList({ name });
      terminal.out.write(options.json === true ? json({ deleted: name }) : `deleted ${printable(name)}\n`);
    });
}
