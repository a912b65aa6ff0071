import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { limits, readJson } from '@policy-studio/engine';
import { LineCounter, parseDocument } from 'yaml';
import { unusable } from './exit-code.js';
import type { Terminal } from './output.js';

export type Format = 'json' | 'yaml';

/** A file that was read as text, without a byte order mark. */
export interface TextFile {
  /** As messages call it. */
  readonly name: string;
  readonly text: string;
  readonly format: Format;
}

export function displayName(path: string): string {
  return path === '-' ? 'standard input' : path === '' ? '(no name)' : path;
}

/** The bytes of a file, or of standard input for `-`. Failures are thrown while reading, as CommandFailure. */
export async function* readBytes(path: string, terminal: Terminal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* path === '-' ? terminal.stdin : createReadStream(path, { highWaterMark: 256 * 1024 });
  } catch (error) {
    throw fileFailure(path, error);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'is a directory, not a file',
  EACCES: 'is not open to this user',
  EPERM: 'is not open to this user',
  ENOTDIR: 'a part of this path is not a directory',
  ENAMETOOLONG: 'this path is too long',
  ELOOP: 'this path is a circle of symbolic links',
};

/** A file system's refusal as one line; what is none goes on as it is. */
export function fileFailure(path: string, error: unknown, done: 'read' | 'written' = 'read'): unknown {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (typeof code !== 'string' || Reflect.get(error as Error, 'syscall') === undefined) return error;
  return unusable(`${displayName(path)}: ${reasons[code] ?? `cannot be ${done} (${code})`}`);
}

export async function isEmptyFile(path: string): Promise<boolean> {
  return (await stat(path).catch((error: unknown) => Promise.reject(fileFailure(path, error)))).size === 0;
}

/** Reads a JSON or YAML file whole: at most 16 MiB, UTF-8, not empty. The ending tells the format; for standard input its first character. */
export async function readText(path: string, terminal: Terminal): Promise<TextFile> {
  const name = displayName(path);
  const ending = extname(path).toLowerCase();
  const named = { '.json': 'json', '.yaml': 'yaml', '.yml': 'yaml' } as const;
  const byName = ending in named ? named[ending as keyof typeof named] : null;
  const bytes = await readWhole(path, terminal);
  if (path !== '-' && byName === null) {
    throw unusable(
      `${name}: the name must end in .json, .yaml or .yml, so that its format is known; or give it as -, standard input`,
    );
  }
  const text = wholeText(bytes, name);
  return { name, text, format: byName ?? (/^\s*[[{]/.test(text) ? 'json' : 'yaml') };
}

/** A file's bytes: at most 16 MiB. */
export async function readWhole(path: string, terminal: Terminal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readBytes(path, terminal)) {
    bytes += chunk.byteLength;
    if (bytes > limits.sourceBytes) {
      throw unusable(`${displayName(path)}: is larger than ${limits.sourceBytes / 1024 / 1024} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The text of a file, which is UTF-8 and not empty. */
export function wholeText(bytes: Buffer, name: string): string {
  const text = decodeText(bytes, name);
  if (text.trim() === '') throw unusable(`${name}: is empty`);
  return text;
}

function decodeText(bytes: Uint8Array, name: string): string {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw unusable(`${name}: is compressed (gzip); unpack it first`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unusable(`${name}: is not UTF-8 text`);
  }
}

/** The value of a JSON or YAML document. Throws a CommandFailure with the line and column of the first fault. */
export function parseDocumentText({ name, text, format }: TextFile): unknown {
  if (format === 'json') {
    const document = readJson(text);
    if (!Array.isArray(document)) return document.value;
    const { line, column, message } = document[0] ?? { message: 'is not JSON' };
    throw unusable(line === undefined ? `${name}: ${message}` : `${name}:${line}:${column ?? 1}: ${message}`);
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true });
  const [fault] = document.errors;
  if (fault !== undefined) {
    const { line, col } = lineCounter.linePos(fault.pos[0]);
    throw unusable(`${name}:${line}:${col}: ${lowerFirst(fault.message)}`);
  }
  try {
    return document.toJS({ maxAliasCount: limits.sourceAliases });
  } catch (error) {
    throw unusable(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What `JSON.parse` found, without its own account of where. */
export function jsonReason(error: SyntaxError): string {
  const reason = error.message
    .replace(/ in JSON at position \d+.*$/s, '')
    .replace(/, "?\.{0,3}.*is not valid JSON$/s, '');
  return reason === 'Unexpected end of JSON input' ? 'the JSON ends too early' : `not JSON: ${lowerFirst(reason)}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
