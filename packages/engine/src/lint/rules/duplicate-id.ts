import type { LintCheck } from '../check.js';
import { replace } from '../edits.js';
import { faultsOf } from '../faults.js';

export const check: LintCheck = {
  code: 'duplicate-id',
  severity: 'error',
  find: (context) => {
    const taken = new Set(context.written.map(({ id }) => id));
    return faultsOf(context, 'duplicate-id', ({ rule, path }) => {
      const id = freeId(String(rule.id), taken);
      if (id === null) return null;
      taken.add(id);
      return { message: `call this one \`${id}\``, patch: [replace(path, id)] };
    });
  },
};

const maxIdLength = 64;

/** The id with a number behind it that no rule has. */
function freeId(id: string, taken: ReadonlySet<string | null>): string | null {
  for (let number = 2; number < 10_000; number++) {
    const candidate = `${id.slice(0, maxIdLength - 5)}-${number}`;
    if (!taken.has(candidate)) return candidate;
  }
  return null;
}
