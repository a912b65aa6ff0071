import { type Channel, channelKinds, channelTopics } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes, unusable } from '../exit-code.js';
import { readWhole, wholeText } from '../input.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, plural, printable, type Terminal, table } from '../output.js';
import type { Outcome } from '../program.js';
import { writeMade } from './write-file.js';

export function channelsCommand(terminal: Terminal, outcome: Outcome): Command {
  const command = new Command('channels').description('Where notifications go');
  command.addCommand(listCommand(terminal));
  command.addCommand(createCommand(terminal));
  command.addCommand(switchCommand('enable', 'Queue messages for it again', terminal));
  command.addCommand(switchCommand('disable', 'Queue nothing for it until it is enabled', terminal));
  command.addCommand(testCommand(terminal, outcome));
  command.addCommand(deliveriesCommand(terminal));
  command.addCommand(redeliverCommand(terminal));
  command.addCommand(deleteCommand(terminal));
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Channels and how they fare')
    .action(async (options: ConnectionOptions) => {
      const page = await (await connect(options, terminal)).channels.listChannels({ limit: 200 });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.channels.length === 0) return out.write('no channels\n');
      const columns = ['id', 'name', 'kind', 'topics', 'to', 'state', 'waiting', 'given up', 'last error'];
      out.write(table(columns, page.channels.map(listed), out.style));
    });
}

function listed(channel: Channel): string[] {
  const state = !channel.enabled
    ? 'off'
    : channel.failing_since === null
      ? 'ok'
      : `fails since ${moment(channel.failing_since)}`;
  return [
    String(channel.id),
    printable(clipped(channel.name, 32)),
    channel.kind,
    channel.topics.join(' '),
    printable(clipped(channel.target, 40)),
    state,
    count(channel.pending),
    count(channel.dead),
    channel.last_error === null ? '-' : printable(clipped(channel.last_error, 60)),
  ];
}

interface CreateOptions extends ConnectionOptions {
  readonly kind: Channel['kind'];
  readonly topics: Channel['topics'];
  readonly urlFile?: string;
  readonly routingKeyFile?: string;
  readonly output?: string;
}

function createCommand(terminal: Terminal): Command {
  return connected(new Command('create'))
    .description('Send notifications somewhere. Addresses and keys are read from files, for they are secrets')
    .argument('<name>', 'what it is called')
    .addOption(new Option('--kind <kind>', 'what is there').choices(channelKinds).makeOptionMandatory())
    .addOption(new Option('--topics <topics...>', 'what it is told of').choices(channelTopics).makeOptionMandatory())
    .option('--url-file <file>', 'holds the address, `-` for standard input')
    .option('--routing-key-file <file>', 'of PagerDuty: holds the integration key')
    .option(
      '-o, --output <file>',
      'write the secret that a webhook is signed with there (mode 0600) instead of showing it',
    )
    .action(async (name: string, { kind, topics, urlFile, routingKeyFile, output, ...options }: CreateOptions) => {
      const url = urlFile === undefined ? undefined : await secretOf(urlFile, terminal);
      const routing_key = routingKeyFile === undefined ? undefined : await secretOf(routingKeyFile, terminal);
      const client = await connect(options, terminal);
      const create = () =>
        client.channels.createChannel({
          name,
          kind,
          topics,
          ...(url === undefined ? {} : { url }),
          ...(routing_key === undefined ? {} : { routing_key }),
        });
      const made =
        output === undefined
          ? await create()
          : await writeMade(output, { mode: 0o600 }, async () => {
              if (kind !== 'webhook') throw unusable('only a webhook has a secret to write down');
              const channel = await create();
              return { text: `${channel.secret}\n`, made: channel };
            });
      const { secret, ...about } = made;
      const { out, err } = terminal;
      if (options.json === true) return out.write(json(output === undefined ? made : about));
      err.write(
        `made channel ${about.id} for ${printable(about.name)}: ${about.topics.join(' ')} to ${printable(about.target)}\n`,
      );
      if (output !== undefined) err.write(`wrote the secret to ${output}\n`);
      else if (secret !== null) out.write(`${secret}\n`);
    });
}

async function secretOf(path: string, terminal: Terminal): Promise<string> {
  return wholeText(await readWhole(path, terminal), path).trim();
}

function switchCommand(name: 'enable' | 'disable', says: string, terminal: Terminal): Command {
  return connected(new Command(name))
    .description(says)
    .argument('<id>', 'the channel', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const channel = await client.channels.updateChannel({ id, enabled: name === 'enable' });
      terminal.out.write(options.json === true ? json(channel) : `${name}d channel ${id}\n`);
    });
}

function testCommand(terminal: Terminal, outcome: Outcome): Command {
  return connected(new Command('test'))
    .description('Send a test message now')
    .argument('<id>', 'the channel', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      const result = await (await connect(options, terminal)).channels.testChannel({ id });
      if (!result.delivered) outcome.exitCode = exitCodes.findings;
      const said = result.delivered ? `it arrived, after ${count(result.ms)} ms` : `it did not arrive: ${result.error}`;
      terminal.out.write(options.json === true ? json(result) : `${printable(said)}\n`);
    });
}

interface DeliveriesOptions extends ConnectionOptions {
  readonly status?: 'pending' | 'delivered' | 'dead';
  readonly limit: number;
}

function deliveriesCommand(terminal: Terminal): Command {
  return connected(new Command('deliveries'))
    .description('What was sent to a channel, newest first')
    .argument('<id>', 'the channel', idArgument)
    .addOption(new Option('--status <status>', 'only these').choices(['pending', 'delivered', 'dead']))
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 200)))
    .action(async (id: number, { status, limit, ...options }: DeliveriesOptions) => {
      const client = await connect(options, terminal);
      const page = await client.channels.listDeliveries({ id, limit, ...(status === undefined ? {} : { status }) });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.deliveries.length === 0) return out.write('no messages\n');
      const columns = ['event', 'what', 'of', 'status', 'attempts', 'queued', 'delivered', 'error'];
      const rows = page.deliveries.map((each) => [
        String(each.seq),
        each.kind,
        printable(clipped(each.subject, 32)),
        each.status,
        String(each.attempts),
        moment(each.created_at),
        moment(each.delivered_at),
        each.error === null ? '-' : printable(clipped(each.error, 60)),
      ]);
      out.write(table(columns, rows, out.style));
    });
}

function redeliverCommand(terminal: Terminal): Command {
  return connected(new Command('redeliver'))
    .description('Queue again what was given up')
    .argument('<id>', 'the channel', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      const result = await (await connect(options, terminal)).channels.redeliver({ id });
      terminal.out.write(options.json === true ? json(result) : `${plural(result.queued, 'message')} queued\n`);
    });
}

function deleteCommand(terminal: Terminal): Command {
  return connected(new Command('delete'))
    .description('Delete a channel with what waits for it')
    .argument('<id>', 'the channel', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      await (await connect(options, terminal)).channels.deleteChannel({ id });
      terminal.out.write(options.json === true ? json({ deleted: id }) : `deleted channel ${id}\n`);
    });
}
