import type { LintCheck } from '../check.js';

export const check: LintCheck = {
  code: 'rounded-number',
  severity: 'warning',
  *find({ rounded, written }) {
    if (rounded.length === 0) return;
    const ids = new Map(written.map(({ index, id }) => [index, id]));
    for (const { path, text, value } of rounded) {
      const [index, ...inRule] = path;
      if (typeof index !== 'number') continue;
      const shown = text.length > 40 ? `${text.slice(0, 37)}...` : text;
      const isNothing = value === 0;
      yield {
        rule: { index, id: ids.get(index) ?? null },
        path: inRule,
        message: isNothing
          ? `the number \`${shown}\` is read as 0: it is smaller than any number that a double can hold`
          : `the number \`${shown}\` is read as ${exactly(value)}: from 2^53 on (9007199254740992) a double does not hold every whole number, so what is decided is about another one`,
        suggestion: {
          message: isNothing
            ? 'write 0, or a number that a double holds'
            : 'if it is an identifier, write it as a string, in quotes, and have it sent as a string; if it is an amount, write one that a double holds',
        },
      };
    }
  },
};

/** All digits of a whole number, where they can be read. */
function exactly(value: number): string {
  return Math.abs(value) < 1e21 ? BigInt(value).toString() : String(value);
}
