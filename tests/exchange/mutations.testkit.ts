/** A number from 0 to `below` - 1, the same sequence for the same seed. */
export type Dice = (below: number) => number;

/** xorshift32; good enough to choose places by. */
export function dice(seed: number): Dice {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The text with one bit of one byte of its UTF-8 turned; not always UTF-8 any more. */
export function flipped(text: string, bit: number): Buffer {
  const bytes = Buffer.from(text);
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  return bytes;
}

type Path = readonly (string | number)[];

/** Every place in a JSON value but the root. */
export function places(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value).filter(([key]) => key !== '__proto__');
  return entries.flatMap(([key, member]) => {
    const path = [...at, Array.isArray(value) ? Number(key) : key];
    return [path, ...places(member, path)];
  });
}

type Container = Record<string | number, unknown>;

/** A copy of a document, changed in one place so that it is still JSON, though not always of the same shape. */
export function mutated(document: object, roll: Dice, donor: object): object {
  const copy = structuredClone(document);
  const all = places(copy);
  const path = all[roll(all.length)] as Path;
  const key = path.at(-1) as string | number;
  const parent = path.slice(0, -1).reduce((value, step) => (value as Container)[step], copy as unknown) as Container;
  const put = (value: unknown, at = key): void => {
    parent[at] = value;
  };
  const changes: readonly ((value: unknown) => void)[] = [
    () => put(null),
    () => {
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
    },
    (value) => put(value, Array.isArray(parent) ? parent.length : `${key}_`),
    (value) => put(changedScalar(value, roll)),
    (value) => put([value]),
    (value) => put({ value }),
    (value) => put(typeof value === 'string' ? value.toUpperCase() : String(value)),
    (value) => put(typeof value === 'string' ? value.normalize('NFD') : true),
    () => put(subtree(donor, roll)),
    (value) => {
      if (Array.isArray(value)) value.reverse();
      else if (Array.isArray(parent)) parent.reverse();
      else {
        delete parent[key];
        put(value, String(key).toUpperCase());
      }
    },
    () => {
      Object.defineProperty(parent, '__proto__', { value: { admin: true }, enumerable: true, configurable: true });
    },
  ];
  changes[roll(changes.length)]?.(parent[key]);
  return copy;
}

function changedScalar(value: unknown, roll: Dice): unknown {
  switch (typeof value) {
    case 'number':
      return [value + 1, -value, value * 10, value + Number.EPSILON * value, 0][roll(5)];
    case 'boolean':
      return !value;
    case 'string': {
      const at = roll(value.length + 1);
      return [`${value} `, value.slice(0, at) + value.slice(at + 1), `${value.slice(0, at)}x${value.slice(at)}`, ''][
        roll(4)
      ];
    }
    default:
      return [{}, [], 0, '', false][roll(5)];
  }
}

function subtree(document: object, roll: Dice): unknown {
  const all = places(document);
  const path = all[roll(all.length)] as Path;
  return structuredClone(path.reduce((value, step) => (value as Container)[step], document as unknown));
}
