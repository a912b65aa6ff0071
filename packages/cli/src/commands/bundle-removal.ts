import { Command } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { json, type Terminal } from '../output.js';
import { bundleArgument, findBundle } from './bundle-reference.js';

/** `archive` for what once decided, `delete` for drafts. */
export function bundleRemovalCommands(terminal: Terminal): readonly Command[] {
  return [archiveCommand(terminal), deleteCommand(terminal)];
}

function archiveCommand(terminal: Terminal): Command {
  return connected(new Command('archive'))
    .description('Put a bundle away that does not decide; its open approvals are canceled')
    .argument('<bundle>', bundleArgument)
    .action(async (reference: string, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const { id } = await findBundle(client, reference);
      const bundle = await client.bundles.archiveBundle({ id });
      terminal.out.write(options.json === true ? json(bundle) : `${bundle.version} (id ${id}) is archived\n`);
    });
}

function deleteCommand(terminal: Terminal): Command {
  return connected(new Command('delete'))
    .description('Delete a draft')
    .argument('<bundle>', bundleArgument)
    .action(async (reference: string, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const { id, version } = await findBundle(client, reference);
      await client.bundles.deleteBundle({ id });
      terminal.out.write(options.json === true ? json({ deleted: version }) : `deleted ${version} (id ${id})\n`);
    });
}
