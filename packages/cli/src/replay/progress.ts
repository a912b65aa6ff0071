import { count, type Printer } from '../output.js';

export interface Progress {
  onBytes(bytes: number): void;
  onCall(): void;
  /** Takes the bar off the terminal. */
  clear(): void;
}

const barWidth = 24;
const redrawMs = 100;
const silent: Progress = { onBytes: () => {}, onCall: () => {}, clear: () => {} };

/** A bar on one line of a terminal, redrawn ten times a second; nothing where there is no terminal. `totalBytes` null: unknown. */
export function progressBar(printer: Printer, totalBytes: number | null, now: () => number): Progress {
  if (!printer.isTerminal) return silent;
  let bytes = 0;
  let calls = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let drawn = false;
  const draw = (): void => {
    const at = now();
    if (at - drawnAt < redrawMs) return;
    drawnAt = at;
    drawn = true;
    const done = totalBytes === null || totalBytes === 0 ? null : Math.min(1, bytes / totalBytes);
    const filled = Math.round((done ?? 0) * barWidth);
    const bar =
      done === null ? '' : `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${Math.floor(done * 100)} %  `;
    printer.write(`\r\u001b[K${bar}${count(calls)} calls`);
  };
  return {
    onBytes: (more) => {
      bytes += more;
      draw();
    },
    onCall: () => {
      calls += 1;
    },
    clear: () => {
      if (drawn) printer.write('\r\u001b[K');
    },
  };
}
