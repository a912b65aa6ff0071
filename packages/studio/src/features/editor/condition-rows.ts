import {
  formatCondition,
  type Operand,
  type Operator,
  type PatchOperation,
  parseCondition,
  type Scalar,
  type Test,
} from '@policy-studio/engine';

type Path = readonly (string | number)[];

/** Conditions as they are written, in their order: tests, groups, and what cannot be read. */
export type Row =
  | { readonly kind: 'test'; readonly path: Path; readonly test: Test; readonly written: unknown }
  | {
      readonly kind: 'group';
      readonly path: Path;
      readonly word: 'all' | 'any' | 'not';
      readonly of: readonly (readonly Row[])[];
    }
  | { readonly kind: 'unreadable'; readonly path: Path; readonly key: string };

/** The rows of a condition object that stands at `path` in the list of rules. */
export function rowsOf(conditions: unknown, path: Path): readonly Row[] {
  if (!isRecord(conditions)) return [];
  return Object.entries(conditions).map(([key, written]): Row => {
    const here = [...path, key];
    const word = key.trim();
    if ((word === 'any' || word === 'all') && Array.isArray(written)) {
      return { kind: 'group', path: here, word, of: written.map((part, index) => rowsOf(part, [...here, index])) };
    }
    if (word === 'not' && isRecord(written)) {
      return { kind: 'group', path: here, word, of: [rowsOf(written, here)] };
    }
    const test = parseCondition({ [key]: written });
    if (Array.isArray(test) || !('kind' in test) || test.kind !== 'test')
      return { kind: 'unreadable', path: here, key };
    return { kind: 'test', path: here, test, written };
  });
}

/** The operators that take what a test compares with now, so that changing one keeps the value. */
export function operatorsFor({ operator, operand }: Test): readonly Operator[] {
  if (operator === 'exists' || operator === 'is_empty') return ['exists', 'is_empty'];
  switch (operand.kind) {
    case 'values':
      return operator === 'domain_in' ? ['domain_in', 'in', 'not_in'] : ['in', 'not_in', 'any_in', 'all_in'];
    case 'list':
      return ['in', 'not_in', 'any_in', 'all_in', 'domain_in'];
    case 'field':
      return ['>=', '<=', '>', '<', '==', '!='];
    case 'value':
      if (typeof operand.value === 'number') return ['>=', '<=', '>', '<', '==', '!='];
      if (typeof operand.value !== 'string') return ['==', '!='];
      return ['==', '!=', 'contains', 'not_contains', 'starts_with', 'ends_with', 'matches', '>=', '<=', '>', '<'];
  }
}

/** What a new condition may compare by, most used first. */
export const operatorsOffered: readonly Operator[] = [
  '==',
  '!=',
  '>=',
  '<=',
  '>',
  '<',
  'in',
  'not_in',
  'contains',
  'starts_with',
  'ends_with',
  'matches',
  'exists',
  'is_empty',
  'any_in',
  'all_in',
  'domain_in',
];

const membership: ReadonlySet<Operator> = new Set(['in', 'not_in', 'any_in', 'all_in', 'domain_in']);
const ofText: ReadonlySet<Operator> = new Set(['starts_with', 'ends_with', 'matches']);

/** What a person typed as the right side of a test; `like` is what stood there, whose type is kept. Null: it does not fit. */
export function readOperand(text: string, operator: Operator, like?: Operand): Operand | null {
  const trimmed = text.trim();
  if (like?.kind === 'list') return /^[a-z0-9][a-z0-9_-]{0,63}$/.test(trimmed) ? { kind: 'list', name: trimmed } : null;
  if (like?.kind === 'field') return trimmed === '' ? null : { kind: 'field', field: trimmed };
  if (operator === 'exists' || operator === 'is_empty') {
    return trimmed === 'true' || trimmed === 'false' ? { kind: 'value', value: trimmed === 'true' } : null;
  }
  if (membership.has(operator) || like?.kind === 'values') {
    const known = like?.kind === 'values' ? like.values : [];
    const words = trimmed.split(',').map((word) => word.trim());
    const values = words.filter((word) => word !== '').map((word) => literal(word, known));
    return values.length === 0 ? null : { kind: 'values', values };
  }
  if (like?.kind === 'value' && typeof like.value === 'string') return { kind: 'value', value: text };
  if (ofText.has(operator)) return { kind: 'value', value: text };
  const value = literal(trimmed, []);
  if (like?.kind === 'value' && like.value !== null && typeof like.value !== typeof value) return null;
  return { kind: 'value', value };
}

/** A word as the scalar it looks like, but as text where that same text stood before. */
function literal(word: string, known: readonly Scalar[]): Scalar {
  if (known.includes(word)) return word;
  if (word === 'true' || word === 'false') return word === 'true';
  if (/^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(word)) return Number(word);
  return word;
}

/** An operand in a field that `readOperand` reads back. */
export function operandText(operand: Operand): string {
  switch (operand.kind) {
    case 'value':
      return String(operand.value);
    case 'values':
      return operand.values.map(String).join(', ');
    case 'list':
      return operand.name;
    case 'field':
      return operand.field;
  }
}

/** Writes a test in the place of another, its neighbours in their order; null when its key is taken there. */
export function replaceTest(rules: unknown, path: Path, test: Test): PatchOperation | null {
  const [key, value] = entryOf(test);
  const old = path[path.length - 1];
  if (key === old) return { op: 'replace', path: pointer(path), value };
  const container = path.slice(0, -1);
  const there = at(rules, container);
  if (!isRecord(there) || Object.hasOwn(there, key)) return null;
  const renamed = Object.entries(there).map(([name, kept]) => (name === old ? [key, value] : [name, kept]));
  return { op: 'replace', path: pointer(container), value: Object.fromEntries(renamed) };
}

/** Adds a test to the object at `path`; beside a test of the same field and operator it goes into `all`. */
export function addTest(rules: unknown, path: Path, test: Test): PatchOperation {
  const [key, value] = entryOf(test);
  const there = at(rules, path);
  if (!isRecord(there)) return { op: 'add', path: pointer(path), value: { [key]: value } };
  if (!Object.hasOwn(there, key)) return { op: 'add', path: pointer([...path, key]), value };
  if (Array.isArray(there.all)) return { op: 'add', path: pointer([...path, 'all', '-']), value: { [key]: value } };
  return { op: 'add', path: pointer([...path, 'all']), value: [{ [key]: value }] };
}

/** Sets a part of a rule, adds it, or takes it away (undefined). */
export function setPart(rules: unknown, path: Path, value: unknown): readonly PatchOperation[] {
  const container = at(rules, path.slice(0, -1));
  const has = isRecord(container) && Object.hasOwn(container, String(path[path.length - 1]));
  if (value === undefined) return has ? [{ op: 'remove', path: pointer(path) }] : [];
  return [{ op: has ? 'replace' : 'add', path: pointer(path), value }];
}

export function pointer(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function entryOf(test: Test): [string, unknown] {
  const [entry] = Object.entries(formatCondition(test));
  if (entry === undefined) throw new Error('a test is written as one entry');
  return entry;
}

function at(value: unknown, path: Path): unknown {
  let found = value;
  for (const part of path) {
    if (Array.isArray(found)) found = found[Number(part)];
    else found = isRecord(found) && Object.hasOwn(found, part) ? found[part] : undefined;
  }
  return found;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
