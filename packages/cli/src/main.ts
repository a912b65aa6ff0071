import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { WriteStream } from 'node:tty';
import { exitCodes } from './exit-code.js';
import { runCommandLine } from './index.js';
import { type Printer, styleFor, type Terminal } from './output.js';

function printerOf(stream: WriteStream): Printer {
  const isTerminal = stream.isTTY === true;
  return {
    write: (text) => void stream.write(text),
    isTerminal,
    columns: stream.columns ?? 100,
    style: styleFor(isTerminal, process.env),
  };
}

for (const stream of [process.stdout, process.stderr]) {
  // A reader that leaves early (`| head`) is no failure, and nobody is left to tell.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.usage);
  });
}

const terminal: Terminal = {
  stdin: process.stdin,
  env: process.env,
  out: printerOf(process.stdout),
  err: printerOf(process.stderr),
  now: () => performance.now(),
};

process.once('SIGINT', () => {
  if (terminal.err.isTerminal) terminal.err.write('\r\u001b[K');
  process.exit(exitCodes.interrupted);
});

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
process.exitCode = await runCommandLine(process.argv.slice(2), terminal, version);
