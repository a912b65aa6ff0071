import { InvalidArgumentError } from 'commander';

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
