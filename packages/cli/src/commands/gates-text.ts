import type { Gate } from '@policy-studio/sdk';
import { printable, type Style } from '../output.js';

/** One line a gate: its verdict, its name and what it says. */
export function gatesText(gates: readonly Gate[], style: Style): string {
  const wide = Math.max(...gates.map(({ gate }) => gate.length));
  return gates
    .map(({ gate, verdict, sentence }) => {
      const word = verdict.padEnd(12);
      const shown = verdict === 'pass' ? style.dim(word) : style.bold(word);
      return `${shown}  ${gate.padEnd(wide)}  ${printable(sentence)}\n`;
    })
    .join('');
}
