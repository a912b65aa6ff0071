import { type Role, roles } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, printable, type Terminal, table } from '../output.js';
import { signingKeyCommands } from './signing-keys.js';
import { writeMade } from './write-file.js';

export function keysCommand(terminal: Terminal): Command {
  const command = new Command('keys').description('API keys of a workspace; and keys that bundles are signed with');
  command.addCommand(createCommand(terminal));
  command.addCommand(listCommand(terminal));
  command.addCommand(revokeCommand(terminal));
  for (const each of signingKeyCommands(terminal)) command.addCommand(each);
  return command;
}

interface CreateOptions extends ConnectionOptions {
  readonly role: Role;
  readonly owner?: string;
  readonly agents?: string[];
  readonly expiresInDays?: number;
  readonly output?: string;
}

function createCommand(terminal: Terminal): Command {
  return connected(new Command('create'))
    .description('Make a key. It is shown this once: on standard output alone, or in --output')
    .argument('<name>', 'what it is for')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--owner <name>', 'the person or service that answers for it')
    .option('--agents <patterns...>', 'the agents it may speak for, such as inbox.*')
    .addOption(new Option('--expires-in-days <n>', 'its life').argParser(integerIn('the days', 1, 3650)))
    .option('-o, --output <file>', 'write the key there (mode 0600) instead of showing it')
    .action(async (name: string, options: CreateOptions) => {
      const { role, owner, agents, expiresInDays, output } = options;
      const client = await connect(options, terminal);
      const create = () =>
        client.access.createApiKey({
          name,
          role,
          ...(owner === undefined ? {} : { owner }),
          ...(agents === undefined ? {} : { agents }),
          ...(expiresInDays === undefined ? {} : { expires_in_days: expiresInDays }),
        });
      const created =
        output === undefined
          ? await create()
          : await writeMade(output, { mode: 0o600 }, async () => {
              const made = await create();
              return { text: `${made.key}\n`, made };
            });
      const { key, ...about } = created;
      const { out, err } = terminal;
      if (options.json === true) return out.write(json(output === undefined ? created : about));
      const until = about.expires_at === null ? '' : ` until ${moment(about.expires_at)}`;
      err.write(
        `made key ${about.id} for ${printable(about.name)}: ${about.role}, ${about.agents.join(' ')}${until}\n`,
      );
      if (output === undefined) out.write(`${key}\n`);
      else err.write(`wrote it to ${output}\n`);
    });
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Keys that are not revoked')
    .action(async (options: ConnectionOptions) => {
      const page = await (await connect(options, terminal)).access.listApiKeys({ limit: 200 });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      const columns = ['id', 'name', 'role', 'owner', 'agents', 'begins', 'last used', 'expires'];
      const rows = page.api_keys.map((key) => [
        String(key.id),
        printable(clipped(key.name, 32)),
        key.role,
        printable(clipped(key.owner, 24)),
        clipped(key.agents.join(' '), 40),
        key.prefix,
        moment(key.last_used_at),
        moment(key.expires_at),
      ]);
      if (rows.length === 0) return out.write('no keys\n');
      out.write(table(columns, rows, out.style));
      if (page.total > rows.length) out.write(`${count(page.total)} in all\n`);
    });
}

function revokeCommand(terminal: Terminal): Command {
  return connected(new Command('revoke'))
    .description('Revoke a key')
    .argument('<id>', 'the key', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      await (await connect(options, terminal)).access.revokeApiKey({ id });
      terminal.out.write(options.json === true ? json({ revoked: id }) : `revoked key ${id}\n`);
    });
}
