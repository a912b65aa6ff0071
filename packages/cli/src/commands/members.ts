import type { Role } from '@policy-studio/sdk';
import { Argument, Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, printable, type Terminal, table } from '../output.js';

type PersonRole = Exclude<Role, 'agent'>;
const personRoles: readonly PersonRole[] = ['viewer', 'author', 'approver', 'operator', 'admin'];

export function membersCommand(terminal: Terminal): Command {
  const command = new Command('members').description('People and services of a workspace');
  command.addCommand(listCommand(terminal));
  command.addCommand(addCommand(terminal));
  command.addCommand(roleCommand(terminal));
  command.addCommand(removeCommand(terminal));
  command.addCommand(linkCommand(terminal));
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Who is known, by name')
    .option('--removed', 'those that were removed too')
    .action(async ({ removed, ...options }: ConnectionOptions & { readonly removed?: boolean }) => {
      const client = await connect(options, terminal);
      const page = await client.access.listMembers({ limit: 200, removed: removed === true });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.members.length === 0) return out.write('no members\n');
      const columns = ['id', 'name', 'kind', 'role', 'role from', 'last seen', 'removed'];
      const rows = page.members.map((member) => [
        String(member.id),
        printable(clipped(member.name, 48)),
        member.kind,
        member.role,
        member.managed_by,
        moment(member.last_seen_at),
        moment(member.removed_at),
      ]);
      out.write(table(columns, rows, out.style));
      if (page.total > rows.length) out.write(`${count(page.total)} in all\n`);
    });
}

function addCommand(terminal: Terminal): Command {
  return connected(new Command('add'))
    .description('Add a person, or one that was removed again')
    .argument('<name>', 'as keys of that person name their owner, and as the identity provider calls them')
    .addOption(new Option('--role <role>', 'what they may do').choices(personRoles).makeOptionMandatory())
    .action(async (name: string, { role, ...options }: ConnectionOptions & { readonly role: PersonRole }) => {
      const member = await (await connect(options, terminal)).access.createMember({ name, role });
      const { out } = terminal;
      if (options.json === true) return out.write(json(member));
      out.write(`added member ${member.id}, ${printable(member.name)}: ${member.role}\n`);
    });
}

function roleCommand(terminal: Terminal): Command {
  return connected(new Command('role'))
    .description('Change what a person may do; their browser sessions end')
    .argument('<id>', 'the member', idArgument)
    .addArgument(new Argument('<role>', 'what they may do from now on').choices(personRoles))
    .action(async (id: number, role: PersonRole, options: ConnectionOptions) => {
      const member = await (await connect(options, terminal)).access.putMember({ id, role });
      const { out } = terminal;
      out.write(
        options.json === true ? json(member) : `member ${member.id}, ${printable(member.name)}: ${member.role}\n`,
      );
    });
}

function removeCommand(terminal: Terminal): Command {
  return connected(new Command('remove'))
    .description('Remove a person or a service: refused from now on, whatever the identity provider says')
    .argument('<id>', 'the member', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      await (await connect(options, terminal)).access.removeMember({ id });
      terminal.out.write(options.json === true ? json({ removed: id }) : `removed member ${id}\n`);
    });
}

function linkCommand(terminal: Terminal): Command {
  return connected(new Command('link'))
    .description('Make a link that signs one person in, once. It is printed alone on standard output')
    .argument('<id>', 'the member', idArgument)
    .addOption(
      new Option('--expires-in-minutes <n>', 'its life').default(60).argParser(integerIn('the minutes', 1, 1440)),
    )
    .action(async (id: number, options: ConnectionOptions & { readonly expiresInMinutes: number }) => {
      const client = await connect(options, terminal);
      const link = await client.access.createSignInLink({ id, expires_in_minutes: options.expiresInMinutes });
      const { out, err } = terminal;
      if (options.json === true) return out.write(json(link));
      err.write(`whoever opens it first is that member; it works until ${moment(link.expires_at)}\n`);
      out.write(`${link.url}\n`);
    });
}
