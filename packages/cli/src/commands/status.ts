import { Command } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { count, json, printable, type Terminal } from '../output.js';

export function statusCommand(terminal: Terminal): Command {
  return connected(new Command('status'))
    .description('The server, what is in force there, and who you are')
    .action(async (options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const [system, caller] = await Promise.all([client.system.getSystem(), client.access.whoami()]);
      const { out } = terminal;
      if (options.json === true) return out.write(json({ url: client.url, system, caller }));
      const { bundle } = system;
      const facts: [string, string][] = [
        ['server', `${client.url}, version ${system.version}`],
        ['you', `${printable(caller.owner)}, ${caller.role}`],
        ['workspace', system.workspace],
        [
          'in force',
          bundle === null ? 'nothing' : `${bundle.version} (id ${bundle.id}, digest ${bundle.digest.slice(0, 12)})`,
        ],
        ['otherwise', system.default_effect],
        ['database', `${system.database}, decisions ${system.decision_log}`],
        ['records', `${count(system.waiting_records)} waiting, ${count(system.spooled_records)} spooled`],
        ['snapshot', `generation ${system.generation}, confirmed ${count(Math.round(system.stale_seconds))} s ago`],
      ];
      out.write(facts.map(([name, value]) => `${out.style.dim(name.padEnd(11))}${value}\n`).join(''));
    });
}
