import { Command } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { readWhole, wholeText } from '../input.js';
import { idArgument } from '../option-values.js';
import { json, moment, printable, type Terminal, table } from '../output.js';
import { newKeyPair } from '../signing/ed25519.js';
import { writeMade } from './write-file.js';

/** Keys of Ed25519 that bundles are signed with: made here, trusted on a server. */
export function signingKeyCommands(terminal: Terminal): Command[] {
  return [generateCommand(terminal), trustedCommand(terminal), trustCommand(terminal), distrustCommand(terminal)];
}

function generateCommand(terminal: Terminal): Command {
  return new Command('generate')
    .description('Make a pair of Ed25519 keys to sign bundles with: <name>.key.pem and <name>.pub.pem; needs no server')
    .argument('<name>', 'what the two files begin with')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: { json?: boolean }) => {
      const [secret, open] = [`${name}.key.pem`, `${name}.pub.pem`];
      const pair = newKeyPair();
      // Outer first: neither file is left without the other.
      await writeMade(secret, { mode: 0o600 }, async () => {
        await writeMade(open, {}, async () => ({ text: pair.publicPem, made: null }));
        return { text: pair.privatePem, made: null };
      });
      const { key_id: keyId, public_key: publicKey } = pair;
      const { out } = terminal;
      if (options.json === true) {
        return out.write(json({ key_id: keyId, public_key: publicKey, private_file: secret, public_file: open }));
      }
      out.write(`made key ${keyId}\n`);
      out.write(`  ${printable(secret)}  signs: keep it to yourself\n`);
      out.write(`  ${printable(open)}  checks: give it to whoever is to trust it (policy-studio keys trust)\n`);
    });
}

function trustedCommand(terminal: Terminal): Command {
  return connected(new Command('trusted'))
    .description('Public keys whose signed bundles this server takes')
    .action(async (options: ConnectionOptions) => {
      const list = await (await connect(options, terminal)).exchange.listTrustedKeys();
      const { out } = terminal;
      if (options.json === true) return out.write(json(list));
      const own = list.own.map(({ key_id: id, public_key: key, signs }) => [
        '-',
        signs ? '(this server)' : '(this server, before)',
        id,
        key,
        '-',
        '-',
      ]);
      const named = list.trusted_keys.map((key) => [
        String(key.id),
        printable(key.name),
        key.key_id,
        key.public_key,
        printable(key.created_by),
        moment(key.created_at),
      ]);
      const columns = ['id', 'name', 'key', 'public key', 'by', 'since'].map((title) => ({ title }));
      out.write(table(columns, [...named, ...own], out.style));
    });
}

function trustCommand(terminal: Terminal): Command {
  return connected(new Command('trust'))
    .description('Take bundles signed with a key')
    .argument('<name>', 'whose key it is')
    .argument('<file>', 'the public key in PEM, or - for standard input')
    .action(async (name: string, path: string, options: ConnectionOptions) => {
      const pem = wholeText(await readWhole(path, terminal), path).trim();
      const key = await (await connect(options, terminal)).exchange.addTrustedKey({ name, public_key: pem });
      const done = `bundles signed by ${printable(key.name)} (key ${key.key_id}, id ${key.id}) are taken from now on\n`;
      terminal.out.write(options.json === true ? json(key) : done);
    });
}

function distrustCommand(terminal: Terminal): Command {
  return connected(new Command('distrust'))
    .description('Take no more bundles signed with a key')
    .argument('<id>', 'the key, of `keys trusted`', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      await (await connect(options, terminal)).exchange.removeTrustedKey({ id });
      terminal.out.write(options.json === true ? json({ removed: id }) : `removed trusted key ${id}\n`);
    });
}
