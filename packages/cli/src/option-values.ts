import { InvalidArgumentError, Option } from 'commander';

/** A parser of a numeric option, for commander. */
export function numberIn(what: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < least || value > most) {
      throw new InvalidArgumentError(`${what} must be a number from ${least} to ${most}`);
    }
    return value;
  };
}

/** A parser of a whole number, for commander. */
export function integerIn(what: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`${what} must be a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

export const idArgument = integerIn('an id', 1, 2_147_483_647);

/** A parser of a percentage, 0 to 100, with or without its sign, for commander. */
export function percent(what: string): (text: string) => number {
  return (text) => {
    const value = Number(text.replace(/\s*%$/, ''));
    if (!/^[\d.]+\s*%?$/.test(text) || !(value >= 0 && value <= 100)) {
      throw new InvalidArgumentError(`${what} is a percentage from 0 to 100`);
    }
    return value;
  };
}

/** What applies when no rule matches: an option of every command that decides. */
export function defaultEffectOption(): Option {
  return new Option('--default-effect <effect>', 'the effect when no rule matches')
    .choices(['allow', 'deny', 'needs_approval'])
    .default('deny');
}
