import type { ImportedBundle } from '@policy-studio/sdk';
import { type Command, Option } from 'commander';
import { type ConnectionOptions, connect } from '../connection.js';
import { unusable } from '../exit-code.js';
import { json, type Terminal } from '../output.js';
import { expiryOption, exportSigned, importSigned, importText } from './bundle-exchange.js';

export interface TransferOptions {
  readonly remoteTokenFile?: string;
  readonly remoteWorkspace?: string;
  readonly asVersion?: string;
  readonly envelope?: boolean;
  readonly expiryHours?: number;
}

/** The options of a bundle's way between the server of the command and another one. */
export function transferOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--remote-token-file <file>', 'the API key for the other server (or $POLICY_STUDIO_REMOTE_TOKEN)'),
    )
    .option('--remote-workspace <name>', 'for its admin token: the workspace meant there')
    .option('--as-version <version>', 'call it so where it arrives')
    .option('--envelope', 'signed with Ed25519 (DSSE), for servers that do not share a secret')
    .addOption(expiryOption(1));
}

/** Exports a bundle from one server and imports it to the other: `to` or `from` is the other one's address. */
export async function transfer(
  reference: string,
  way: { readonly to: string } | { readonly from: string },
  options: ConnectionOptions & TransferOptions,
  terminal: Terminal,
): Promise<void> {
  const here = await connect(options, terminal);
  const there = await connect(remote('to' in way ? way.to : way.from, options, terminal), terminal);
  const [source, target] = 'to' in way ? [here, there] : [there, here];
  const signed = await exportSigned(source, reference, options);
  const made: ImportedBundle = await importSigned(target, signed, options.asVersion);
  terminal.out.write(options.json === true ? json(made) : importText(made));
}

/** The other server, with a key of its own: the one for this server is never shown to another. */
function remote(url: string, options: ConnectionOptions & TransferOptions, terminal: Terminal): ConnectionOptions {
  const { remoteTokenFile: tokenFile, remoteWorkspace: workspace, timeout } = options;
  const token = terminal.env.POLICY_STUDIO_REMOTE_TOKEN ?? '';
  if (tokenFile === undefined && token === '') {
    throw unusable(
      'the other server needs a key of its own: give --remote-token-file, or set POLICY_STUDIO_REMOTE_TOKEN',
    );
  }
  return {
    url,
    ...(tokenFile === undefined ? { token } : { tokenFile }),
    ...(workspace === undefined ? {} : { workspace }),
    ...(timeout === undefined ? {} : { timeout }),
  };
}
