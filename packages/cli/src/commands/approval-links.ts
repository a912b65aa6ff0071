import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { idArgument, integerIn } from '../option-values.js';
import { json, moment, plural, printable, type Terminal } from '../output.js';

interface LinkOptions extends ConnectionOptions {
  readonly for?: string;
  readonly expiresInMinutes?: number;
  readonly revoke?: boolean;
}

/** A one-time link, or the end of those there are. */
export function linkCommand(terminal: Terminal): Command {
  return connected(new Command('link'))
    .description('Make a link with which one person decides, once; give it to that person alone')
    .argument('<id>', 'the approval', idArgument)
    .option('--for <person>', 'who decides with it (default: you)')
    .addOption(
      new Option('--expires-in-minutes <n>', 'how long it works (default: 60)').argParser(
        integerIn('the minutes', 1, 1440),
      ),
    )
    .option('--revoke', 'end the links that still work instead, or the one --for a person')
    .action(async (id: number, options: LinkOptions) => {
      const client = await connect(options, terminal);
      const { out } = terminal;
      if (options.revoke === true) {
        const person = options.for === undefined ? {} : { approver: options.for };
        const answer = await client.approvals.revokeApprovalLinks({ id, ...person });
        out.write(options.json === true ? json(answer) : `revoked ${plural(answer.revoked, 'link')}\n`);
        return;
      }
      const approver = options.for ?? (await client.access.whoami()).owner;
      const { expiresInMinutes: minutes } = options;
      const link = await client.approvals.createApprovalLink({
        id,
        approver,
        ...(minutes === undefined ? {} : { expires_in_minutes: minutes }),
      });
      if (options.json === true) return out.write(json(link));
      out.write(`${link.url}\n`);
      const note = `for ${printable(link.approver)} alone, once, until ${moment(link.expires_at)}`;
      terminal.err.write(`${note}; it is shown this once\n`);
    });
}
