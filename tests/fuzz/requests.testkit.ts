import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ruleSchema } from '@policy-studio/engine';
import { type Dice, dice, places } from '../exchange/mutations.testkit.js';
import { type Components, type Known, oddText, oddValue, pick, type Schema, soundValue } from './values.testkit.js';

/** The document as it is published; that it is that of the server is another test's matter. */
const document = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../packages/contract/openapi.json', import.meta.url)), 'utf8'),
) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Components };
};
const components = document.components.schemas;

interface Described {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}

export interface FuzzedRequest {
  /** Whose operation was meant; what is asked may be another one's, or nobody's. */
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /** Made to be valid by the document. */
  readonly isSound: boolean;
}

/** What there is for a request to name. */
export interface World {
  /** Of who may do everything there. */
  readonly headers: Readonly<Record<string, string>>;
  /** What a browser sends that is signed in. */
  readonly browser: Readonly<Record<string, string>>;
  /** By the first part of the path behind `/policy/`. */
  readonly ids: Readonly<Record<string, number | string>>;
  /** By operation: what no schema can tell, such as a signature that fits. */
  readonly bodies: Readonly<Record<string, unknown>>;
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, described]) => ({ path, method: method.toUpperCase(), described })),
);
export const operationIds: readonly string[] = operations.map(({ described }) => described.operationId);

/** What the document leaves open, as somebody who knows the product would fill it in. */
const known: Known = {
  rules: (roll) => Array.from({ length: 1 + roll(3) }, () => rule(roll)),
  rules_a: (roll) => [rule(roll)],
  rules_b: (roll) => [rule(roll)],
  // A poll that waits is no hang.
  wait: (roll) => pick(roll, [0, 1]),
  time_zone: () => 'Europe/Berlin',
  url: (roll) => pick(roll, ['https://hooks.invalid/x', 'https://192.0.2.7/x', 'https://[::1]/x']),
  version: (roll) => `100.${roll(1_000_000)}.0`,
  case_id: (roll) => `case-${roll(1000)}`,
};

function rule(roll: Dice): unknown {
  const made = soundValue(ruleSchema as Schema, components, {}, roll) as Record<string, unknown>;
  return {
    ...made,
    id: `rule-${roll(100_000)}`,
    agent: pick(roll, ['*', 'a.*', 'a.b']),
    action: pick(roll, ['*', 'seeded', 'c']),
    reason: 'as the fuzzer has it',
    conditions: pick<unknown>(roll, [
      {},
      { '>=risk_score': roll(100) },
      { any: [{ a: 1 }, { not: { 'b matches': '(x+)+y' } }] },
      { sender: { list: 'seeded' } },
      { 'a in': [1, 'x', null] },
    ]),
  };
}

/** Names and numbers of what there is, and of what there is not. Never the workspace that everything else lives in. */
function parameter(name: string, schema: Schema, path: string, { ids }: World, roll: Dice): string {
  switch (name) {
    case 'name':
      return path.includes('/workspaces/')
        ? pick(roll, [String(ids.workspaces), 'absent'])
        : pick(roll, ['seeded', 'absent']);
    case 'agent':
    case 'action':
      return pick(roll, ['seeded', 'a.b', 'absent']);
    case 'version':
      return pick(roll, ['1.0.0', '0.0.999']);
    case 'id':
    case 'compare_id':
      if (roll(4) > 0) return String(ids[path.split('/')[2] ?? ''] ?? 1);
      if (schema.type === 'integer') return String(pick(roll, [1, 2, 3, 999_999]));
  }
  return String(soundValue(schema, components, known, roll));
}

/** The request of this seed and number; the same for ever, whatever came before. */
export function fuzzedRequest(seed: number, index: number, world: World): FuzzedRequest {
  const roll = dice(Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b));
  for (let warm = 0; warm < 4; warm += 1) roll(2);
  const { path, method, described } = pick(roll, operations);
  const parameters = described.parameters ?? [];
  const draft = {
    operationId: described.operationId,
    method,
    path: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const found = parameters.find((each) => each.in === 'path' && each.name === name);
      return encodeURIComponent(parameter(name, found?.schema ?? {}, path, world, roll));
    }),
    query: parameters.flatMap(({ name, in: place, schema }): [string, string][] => {
      if (place !== 'query' || roll(3) > 0) return [];
      return [[name, String(known[name]?.(roll) ?? soundValue(schema, components, known, roll))]];
    }),
    headers: {
      accept: 'application/json',
      ...(roll(8) === 0 ? world.browser : world.headers),
    } as Record<string, string>,
    body: undefined as unknown,
    bytes: null as Buffer | null,
    isSound: true,
  };
  for (const { name, in: place, schema } of parameters) {
    if (place === 'header' && roll(3) === 0)
      draft.headers[name] = String(soundValue(schema, components, known, roll)).replaceAll(/[^\x20-\x7e]/g, '');
  }
  const schema = described.requestBody?.content['application/json'].schema;
  if (schema !== undefined) {
    const given = roll(2) === 0 ? world.bodies[described.operationId] : undefined;
    draft.body = given ?? soundValue(schema, components, known, roll);
    draft.headers['content-type'] = 'application/json';
  }
  // One fault, or two: more of them hide each other.
  if (roll(6) > 0) for (let faults = 1 + roll(2); faults > 0; faults -= 1) spoil(draft, roll);
  const { query, bytes, body, ...request } = draft;
  const search = query.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join('&');
  return {
    ...request,
    path: search === '' ? request.path : `${request.path}?${search}`,
    body: bytes ?? (body === undefined ? null : Buffer.from(JSON.stringify(body) ?? 'null')),
  };
}

interface Draft {
  method: string;
  path: string;
  query: [string, string][];
  headers: Record<string, string>;
  body: unknown;
  bytes: Buffer | null;
  isSound: boolean;
}

function spoil(draft: Draft, roll: Dice): void {
  draft.isSound = false;
  if (draft.body !== undefined && roll(3) > 0) {
    if (roll(3) > 0) draft.body = spoiltValue(draft.body, roll);
    else draft.bytes = spoiltText(Buffer.from(JSON.stringify(draft.body) ?? 'null'), roll);
    return;
  }
  switch (roll(7)) {
    case 0:
      draft.method = pick(roll, ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND']);
      return;
    case 1: {
      const parts = draft.path.split('/');
      const at = 1 + roll(parts.length - 1);
      parts[at] = pick(roll, [
        escaped(oddText(roll)),
        escaped(oddText(roll)),
        '%',
        '%ff',
        '%00',
        '%2e%2e',
        '..%2f..',
        '',
        '1;a=b',
      ]);
      draft.path = parts.join('/');
      return;
    }
    case 2:
      draft.query.push([pick(roll, ['limit', 'cursor', 'other', '__proto__', '', 'from']), oddText(roll)]);
      return;
    case 3: {
      const first = draft.query[0];
      if (first) draft.query.push(first, [first[0], oddText(roll)]);
      else draft.path += '?&&=&%=%&a=b=c';
      return;
    }
    case 4:
      draft.headers['content-type'] = pick(roll, [
        'text/plain',
        'application/xml',
        'application/json; charset=utf-16',
        'application/json;;;',
        'multipart/form-data; boundary=x',
        '',
        ';',
        'application/json, text/html',
      ]);
      draft.bytes ??= Buffer.from('{"a":1}');
      return;
    case 5:
      draft.headers[pick(roll, headerNames)] = header(roll);
      return;
    default:
      draft.bytes = pick(roll, [Buffer.from('{}'), Buffer.from('null'), Buffer.from('[]'), Buffer.alloc(0)]);
      draft.headers['content-type'] = 'application/json';
  }
}

const headerNames = [
  'accept',
  'accept-encoding',
  'content-encoding',
  'cookie',
  'if-match',
  'if-none-match',
  'idempotency-key',
  'last-event-id',
  'origin',
  'sec-fetch-site',
  'x-csrf-token',
  'x-workspace',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-http-method-override',
  'host',
  'expect',
  'range',
  'authorization',
];

function header(roll: Dice): string {
  const values = ['', '*', '"', 'a,b,,', '"1"', 'W/"1"', 'gzip', 'policy_session=x', '0', '-1', '999999999999999999'];
  return roll(2) === 0
    ? pick(roll, values)
    : oddText(roll)
        .replaceAll(/[^\x20-\x7e]/g, '~')
        .slice(0, 2_000);
}

/** The same in one place another: of another type, missing, twice, beyond a limit, or with a member nobody knows. */
function spoiltValue(sound: unknown, roll: Dice): unknown {
  const all = places(sound);
  if (all.length === 0 || roll(8) === 0) return oddValue(roll);
  const copy = structuredClone(sound);
  const path = pick(roll, all);
  const key = path.at(-1) as string | number;
  const parent = path.slice(0, -1).reduce((value, step) => (value as Container)[step], copy) as Container;
  switch (roll(6)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
      return copy;
    case 1:
      if (Array.isArray(parent)) parent.push(...Array.from({ length: 300 }, () => parent[key]));
      else parent[pick(roll, ['other', '__proto__ ', 'constructor', 'Rules', ''])] = oddValue(roll);
      return copy;
    default:
      parent[key] = oddValue(roll);
      return copy;
  }
}
type Container = Record<string | number, unknown>;

/** Bytes that are no JSON any more, or such that two readers could take for different things. */
function spoiltText(sound: Buffer, roll: Dice): Buffer {
  const text = sound.toString();
  const at = roll(text.length + 1);
  const between = (what: string): Buffer => Buffer.from(text.slice(0, at) + what + text.slice(at));
  switch (roll(10)) {
    case 0:
      return sound.subarray(0, at);
    case 1:
      return Buffer.concat([sound.subarray(0, at), Buffer.from([roll(256), roll(256)]), sound.subarray(at + 1)]);
    case 2:
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), sound]);
    case 3:
      return between(
        pick(roll, [',', ':', '}', ']', '"', '\\', '//', '/**/', '\u0000', '\ud83d\ude00', 'NaN', '1e999']),
      );
    case 4:
      return Buffer.from(text.replace(/[{]/, '{"reason":"a","reason":"b",'));
    case 5:
      return Buffer.from(
        text.replace(/\d+/, pick(roll, ['1e999', '-1e999', '01', '1.', '123456789012345678901234567890'])),
      );
    case 6:
      return Buffer.from(
        text.replace(/":\s*"[^"]*"/, pick(roll, ['":"\\ud800"', '":"\\u0000"', '":"\\x41"', `":"\n"`])),
      );
    case 7:
      return Buffer.from(`${'['.repeat(5_000)}${text}${']'.repeat(5_000)}`);
    case 8:
      return Buffer.from(`${'{"a":'.repeat(3_000)}${text}${'}'.repeat(3_000)}`);
    default:
      return Buffer.from(`${text}${text}`);
  }
}

/** Percent-encoded, half a surrogate pair as its three bytes. */
function escaped(text: string): string {
  const whole = (text as string & { isWellFormed(): boolean }).isWellFormed();
  return whole ? encodeURIComponent(text.slice(0, 3_000)) : '%ed%a0%80';
}
