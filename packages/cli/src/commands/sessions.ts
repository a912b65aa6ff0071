import { Command } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { idArgument } from '../option-values.js';
import { clipped, count, json, moment, printable, type Terminal, table } from '../output.js';

export function sessionsCommand(terminal: Terminal): Command {
  const command = new Command('sessions').description('Browsers that are signed in');
  command.addCommand(listCommand(terminal));
  command.addCommand(endCommand(terminal));
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Sessions that go on, newest first: of the workspace for an admin, else your own')
    .action(async (options: ConnectionOptions) => {
      const page = await (await connect(options, terminal)).access.listSessions({ limit: 200 });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.sessions.length === 0) return out.write('no sessions\n');
      const columns = ['id', 'person', 'role', 'by', 'from', 'began', 'last seen', 'ends', 'browser'];
      const rows = page.sessions.map((session) => [
        String(session.id),
        printable(clipped(session.person, 32)),
        session.role,
        session.via,
        session.address,
        moment(session.created_at),
        moment(session.last_seen_at),
        moment(session.expires_at),
        printable(clipped(session.user_agent, 32)),
      ]);
      out.write(table(columns, rows, out.style));
      if (page.total > rows.length) out.write(`${count(page.total)} in all\n`);
    });
}

function endCommand(terminal: Terminal): Command {
  return connected(new Command('end'))
    .description('End a session: its browser is signed out on every server within a second')
    .argument('<id>', 'the session', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      await (await connect(options, terminal)).access.endSession({ id });
      terminal.out.write(options.json === true ? json({ ended: id }) : `ended session ${id}\n`);
    });
}
