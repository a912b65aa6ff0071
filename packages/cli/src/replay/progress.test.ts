import { describe, expect, it } from 'vitest';
import { noStyle, type Printer } from '../output.js';
import { progressBar } from './progress.js';

function recorder(isTerminal: boolean): { printer: Printer; written: string[] } {
  const written: string[] = [];
  return { written, printer: { write: (text) => void written.push(text), isTerminal, columns: 80, style: noStyle } };
}

describe('the progress bar', () => {
  it('is drawn on one line of a terminal, at most every 100 ms, and taken off at the end', () => {
    const { printer, written } = recorder(true);
    let now = 0;
    const bar = progressBar(printer, 1000, () => now);
    for (now = 0; now < 200; now += 10) {
      bar.onCall();
      bar.onBytes(50);
    }
    bar.clear();
    expect(written).toHaveLength(3);
    expect(written[1]).toBe(`\r\u001b[K${'█'.repeat(13)}${'░'.repeat(11)} 55 %  11 calls`);
    expect(written[2]).toBe('\r\u001b[K');
  });

  it('shows only the calls when the size is not known', () => {
    const { printer, written } = recorder(true);
    progressBar(printer, null, () => 0).onBytes(50);
    expect(written).toEqual(['\r\u001b[K0 calls']);
  });

  it('never goes beyond the whole', () => {
    const { printer, written } = recorder(true);
    progressBar(printer, 10, () => 0).onBytes(50);
    expect(written[0]).toContain(' 100 % ');
  });

  it('is not written where there is no terminal', () => {
    const { printer, written } = recorder(false);
    const bar = progressBar(printer, 1000, () => 0);
    bar.onBytes(50);
    bar.clear();
    expect(written).toEqual([]);
  });
});
