import { type Diagnostic, parseRules } from '@policy-studio/engine';
import {
  type BundleExport,
  type BundleVerdict,
  type Envelope,
  expiryHours,
  type ImportedBundle,
  isEnvelope,
  type PolicyStudioClient,
} from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes, unusable } from '../exit-code.js';
import { parseDocumentText, readText, type TextFile } from '../input.js';
import { integerIn } from '../option-values.js';
import { json, moment, printable, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { invalidRules, readRules } from '../rules-file.js';
import { readPrivateKey, readPublicKey } from '../signing/ed25519.js';
import { contentOf, countersigned, newEnvelope, readContent, verdictOn } from '../signing/signed-bundle.js';
import { bundleArgument, findBundle } from './bundle-reference.js';
import { writeMade } from './write-file.js';

/** Bundles that leave, arrive, or are looked at on their way. */
export function exchangeCommands(terminal: Terminal, outcome: Outcome): Command[] {
  return [exportCommand(terminal), importCommand(terminal), signCommand(terminal), verifyCommand(terminal, outcome)];
}

export interface ExportOptions {
  readonly expiryHours?: number;
  readonly envelope?: boolean;
}

export function expiryOption(fallback?: number): Option {
  const option = new Option('--expiry-hours <n>', 'how long it can be imported').argParser(
    integerIn('the hours', expiryHours.least, expiryHours.most),
  );
  return option.default(fallback ?? expiryHours.default);
}

/** A bundle as its server signs it. */
export async function exportSigned(
  client: PolicyStudioClient,
  reference: string,
  { expiryHours: hours, envelope }: ExportOptions,
): Promise<BundleExport | Envelope> {
  const { id } = await findBundle(client, reference);
  const asked = { id, ...(hours === undefined ? {} : { expiry_hours: hours }) };
  return envelope === true ? client.exchange.exportEnvelope(asked) : client.exchange.exportBundle(asked);
}

interface SavedOptions {
  readonly output?: string;
  readonly force?: boolean;
}

/** To the file of `--output`, else to standard output. */
async function save(
  { output, force }: SavedOptions,
  terminal: Terminal,
  make: () => Promise<unknown>,
  about: string,
): Promise<void> {
  if (output === undefined) return terminal.out.write(json(await make()));
  await writeMade(output, { force: force === true }, async () => ({ text: json(await make()), made: null }));
  terminal.err.write(`wrote ${about} to ${output}\n`);
}

function exportCommand(terminal: Terminal): Command {
  return connected(new Command('export'))
    .description('A bundle as a signed document, for another server')
    .argument('<bundle>', bundleArgument)
    .option('-o, --output <file>', 'write it there instead of standard output')
    .option('--force', 'overwrite the file')
    .option('--envelope', 'signed with Ed25519 (DSSE), for servers that trust the key instead of sharing the secret')
    .addOption(expiryOption())
    .action((reference: string, options: ConnectionOptions & ExportOptions & SavedOptions) =>
      save(
        options,
        terminal,
        async () => exportSigned(await connect(options, terminal), reference, options),
        `the signed bundle ${reference}`,
      ),
    );
}

/** Sends a signed document to a server. */
export function importSigned(
  client: PolicyStudioClient,
  signed: BundleExport | Envelope,
  asVersion: string | undefined,
): Promise<ImportedBundle> {
  return client.exchange.importBundle({
    ...signed,
    ...(asVersion === undefined ? {} : { import_as_version: asVersion }),
  });
}

export function importText({ id, message }: ImportedBundle): string {
  return `${printable(message)} (id ${id})\n`;
}

function importCommand(terminal: Terminal): Command {
  return connected(new Command('import'))
    .description('Make a draft of a signed document')
    .argument('<file>', 'an export or an envelope: .json, or - for standard input')
    .option('--as-version <version>', 'call it so, where its own version is taken')
    .action(async (path: string, { asVersion, ...options }: ConnectionOptions & { asVersion?: string }) => {
      const { document } = await readSigned(path, terminal);
      const made = await importSigned(await connect(options, terminal), document, asVersion);
      terminal.out.write(options.json === true ? json(made) : importText(made));
    });
}

/** A file that holds an export or an envelope, as far as can be seen from outside. */
async function readSigned(
  path: string,
  terminal: Terminal,
): Promise<{ readonly file: TextFile; readonly document: BundleExport | Envelope }> {
  const file = await readText(path, terminal);
  const document = parseDocumentText(file);
  if (file.format === 'json' && isSignedDocument(document)) return { file, document };
  throw unusable(`${file.name}: is no signed bundle; \`policy-studio bundles export\` or \`sign\` makes one`);
}

function isSignedDocument(value: unknown): value is BundleExport | Envelope {
  if (isEnvelope(value)) return true;
  return (
    typeof value === 'object' && value !== null && Object.hasOwn(value, 'signature') && Object.hasOwn(value, 'bundle')
  );
}

interface SignOptions extends SavedOptions {
  readonly key: string;
  readonly version?: string;
  readonly notes?: string;
  readonly expiryHours: number;
}

function signCommand(terminal: Terminal): Command {
  return new Command('sign')
    .description('Sign a bundle file, or an envelope once more, without a server')
    .argument('<file>', 'the bundle: .json, .yaml, .yml; or an envelope')
    .requiredOption('--key <file>', 'the private key, of `policy-studio keys generate`')
    .option('-o, --output <file>', 'write the envelope there instead of standard output')
    .option('--force', 'overwrite the file')
    .option('--version <version>', 'the version (default: the one in the file)')
    .option('--notes <text>', 'what is new (default: the notes in the file)')
    .addOption(expiryOption())
    .action(async (path: string, options: SignOptions) => {
      const key = await readPrivateKey(options.key, terminal);
      const now = new Date();
      const known = await envelopeIn(path, terminal);
      const make = async (): Promise<Envelope> => {
        if (known === null) return newEnvelope(await contentOfFile(path, options, now, terminal), key);
        const content = readContent(Buffer.from(known.payload, 'base64').toString('utf8'), now);
        if (typeof content === 'string') throw unusable(`${path}: ${content}; it is not signed`);
        return countersigned(known, key);
      };
      await save(options, terminal, make, `the envelope, signed by ${key.key_id},`);
    });
}

/** The envelope that a file holds; null when it holds something else. Standard input is a bundle. */
async function envelopeIn(path: string, terminal: Terminal): Promise<Envelope | null> {
  if (path === '-' || !path.toLowerCase().endsWith('.json')) return null;
  const document = parseDocumentText(await readText(path, terminal));
  if (isEnvelope(document)) return document;
  if (isSignedDocument(document)) {
    throw unusable(`${path}: is an export, which only its servers can check; export it with --envelope, and sign that`);
  }
  return null;
}

async function contentOfFile(path: string, options: SignOptions, now: Date, terminal: Terminal) {
  const { file, source } = await readRules(path, terminal);
  const diagnostics = parseRules(source.rules).filter((item): item is Diagnostic => 'code' in item && 'path' in item);
  if (diagnostics.length > 0) {
    const placed = diagnostics.map((each) => ({ ...(source.locate(each.path) ?? {}), ...each }));
    throw invalidRules(file, placed, terminal.err.style);
  }
  const version = options.version ?? source.version;
  if (version === undefined) throw unusable(`${file.name}: names no version: give --version, such as 1.0.0`);
  const notes = options.notes ?? source.notes ?? '';
  const { metadata = {}, rules } = source;
  return contentOf({ version, rules, ...{ notes, metadata } }, { now, hours: options.expiryHours });
}

interface VerifyOptions extends ConnectionOptions {
  readonly key?: string[];
}

function verifyCommand(terminal: Terminal, outcome: Outcome): Command {
  return connected(new Command('verify'))
    .description('Whether a signed document stands: asks a server, or with --key checks an envelope without one')
    .argument('<file>', 'an export or an envelope: .json, or - for standard input')
    .option('--key <files...>', 'public keys, one of which is to have signed it')
    .action(async (path: string, options: VerifyOptions) => {
      const { file, document } = await readSigned(path, terminal);
      const verdict =
        options.key === undefined
          ? await (await connect(options, terminal)).exchange.verifyBundle({ ...document })
          : await verdictOffline(file, document, options.key, terminal);
      if (!verdict.valid) outcome.exitCode = exitCodes.findings;
      terminal.out.write(options.json === true ? json(verdict) : verdictText(verdict, terminal));
    });
}

async function verdictOffline(
  file: TextFile,
  document: BundleExport | Envelope,
  paths: readonly string[],
  terminal: Terminal,
): Promise<BundleVerdict> {
  if (!isEnvelope(document)) {
    throw unusable(`${file.name}: is an export, which only servers that share its secret can check; leave out --key`);
  }
  const keys = await Promise.all(paths.map((path) => readPublicKey(path, terminal)));
  const verdict = verdictOn(document, keys, new Date());
  if (!verdict.good) return { valid: false, reason: verdict.reason };
  const { bundle, digest, expires_at: until } = verdict.content;
  return {
    valid: true,
    version: bundle.version,
    digest,
    key_id: verdict.key.key_id,
    expires_at: until,
    approved_at_source: (bundle.approval ?? null) !== null,
  };
}

function verdictText(verdict: BundleVerdict, { out }: Terminal): string {
  if (!verdict.valid) return `${out.style.red('not valid')}: ${printable(verdict.reason ?? '')}\n`;
  const { version = '', digest = '', key_id: key = '', expires_at: until = null } = verdict;
  const approved = verdict.approved_at_source === true ? 'approved' : 'not approved';
  return `${out.style.green('valid')}: version ${printable(version)}, digest ${printable(digest)}, signed by ${printable(key)}, until ${moment(until)}, ${approved} at its source\n`;
}
