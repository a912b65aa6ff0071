import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { type Dice, dice, flipped, mutated } from './mutations.testkit.js';
import { type BundleExport, canonicalText, type Envelope } from './wire.testkit.js';

/** `npm run test:full` tries every bit of the text, and ten times as many of the rest. */
const full = process.env.FULL === '1';
const seed = 20_260_301;

let server: TestServer;
let original: BundleExport;
/** Another genuine export, whose parts are put into the first. */
let other: BundleExport;
let envelope: object;
let bundles: number;

beforeAll(async () => {
  server = await startTestServer();
  const make = async (version: string, effect: string) => {
    const rules = [
      {
        id: 'first-rule',
        agent: 'inbox.*',
        action: 'quarantine',
        effect,
        reason: 'Grüße, "quoted" \\ back\nslashed 🙂',
        conditions: {
          '>=risk_score': 85.5,
          'recipient in': ['a@example.com', 'b@example.com'],
          any: [{ a: 1 }, { b: true }],
        },
        priority: 90,
        budget: { cost: 0.1, risk: 'high' },
        tags: ['mail', 'é'],
        metadata: { nested: { deeply: [1, [2, { three: null }]] } },
      },
      { id: 'second-rule', agent: '*', action: '*', effect: 'deny', reason: 'nothing else', enabled: false },
    ];
    const notes = 'what is new:\n\tall of it';
    const { body } = await server.call('createBundle', {
      body: { version, rules, notes, metadata: { team: 'mail', n: 1e21 } },
    });
    return body.id;
  };
  const id = await make('1.0.0', 'allow');
  const approval = (
    await server.call('createApproval', { body: { kind: 'activation', bundle_id: id, justification: 'fuzz' } })
  ).body;
  await server.call('approve', { params: { id: approval.id }, body: {} });
  original = (await server.call('exportBundle', { params: { id } })).body as never;
  other = (
    await server.call('exportBundle', { params: { id: await make('1.0.1', 'deny') }, query: { expiry_hours: 99 } })
  ).body as never;
  envelope = (await server.call('exportEnvelope', { params: { id } })).body;
  // What is accepted would be stored under a version that is free.
  await server.db.pool.query("update bundle set version = '9' || version");
  bundles = await stored();
}, 60_000);
afterAll(() => server?.close());

async function stored(): Promise<number> {
  return (await server.db.pool.query<{ n: number }>('select count(*)::integer as n from bundle')).rows[0]?.n ?? -1;
}

/** The real route, without a socket. */
async function status(body: Buffer | string, path: 'import' | 'verify' = 'import'): Promise<number | 'valid'> {
  const answer = await server.app.inject({
    method: 'POST',
    url: `/policy/bundles/${path}`,
    headers: { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' },
    payload: body,
  });
  return path === 'verify' && answer.statusCode === 200 && answer.json().valid ? 'valid' : answer.statusCode;
}

/** The same document in other words: only its spelling differs; or signatures stand beside the good one of an envelope. */
function same(body: Buffer | string, document: object): boolean {
  try {
    const [read, made] = [JSON.parse(body.toString()), document] as [Partial<Envelope>, Partial<Envelope>];
    const kept = read.signatures?.some((each) => canonicalText(each) === canonicalText(made.signatures?.[0]));
    return canonicalText({ ...read, ...(kept ? { signatures: made.signatures } : {}) }) === canonicalText(made);
  } catch {
    return false;
  }
}

/** Sends all of them, some at a time: which were taken, and how often each status came. */
async function send(bodies: Iterable<Buffer | string>, document: object) {
  const taken: string[] = [];
  const statuses = new Map<number | 'valid' | 'same', number>();
  let sent = 0;
  const waiting = bodies[Symbol.iterator]();
  const one = async (): Promise<void> => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const body = next.value;
      sent += 1;
      const outcome = same(body, document) ? 'same' : await status(body, sent % 4 === 0 ? 'verify' : 'import');
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
      if (outcome === 201 || outcome === 'valid') taken.push(body.toString());
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
  return { taken, statuses };
}

function* mutants(document: object, count: number, donor: object, roll: Dice): Generator<string> {
  for (let made = 0; made < count; made += 1) {
    const once = mutated(document, roll, donor);
    yield JSON.stringify(roll(4) === 0 ? mutated(once, roll, donor) : once);
  }
}

function* flips(text: string, count: number, roll: Dice): Generator<Buffer> {
  const bits = Buffer.byteLength(text) * 8;
  if (full) for (let bit = 0; bit < bits; bit += 1) yield flipped(text, bit);
  else for (let made = 0; made < count; made += 1) yield flipped(text, roll(bits));
}

async function noneTaken(bodies: Iterable<Buffer | string>, document: object) {
  const { taken, statuses } = await send(bodies, document);
  expect(taken).toEqual([]);
  const answered = [...statuses.keys()].filter((outcome) => outcome !== 'same' && outcome !== 200);
  expect(answered.filter((code) => ![400, 413, 422].includes(code as number))).toEqual([]);
  expect(await stored()).toBe(bundles);
  return statuses;
}

const times = full ? 10 : 1;

describe('of an export', () => {
  it('no single bit can be turned', async () => {
    await noneTaken(flips(JSON.stringify(original), 5_000, dice(seed)), original);
  }, 600_000);

  it('nothing can be changed that leaves it JSON', async () => {
    const statuses = await noneTaken(mutants(original, 5_000 * times, other, dice(seed + 1)), original);
    // Most of them get as far as the signature.
    expect(statuses.get(400) ?? 0).toBeGreaterThan(500);
  }, 600_000);

  it('no part can come from another one', async () => {
    const members = Object.keys(original) as (keyof BundleExport)[];
    const mixed: string[] = [];
    for (let mask = 1; mask < 2 ** members.length - 1; mask += 1) {
      const from = (index: number) => ((mask >> index) & 1 ? other : original);
      mixed.push(JSON.stringify(Object.fromEntries(members.map((name, index) => [name, from(index)[name]]))));
    }
    // The format and the key are the same in both, so that some are one of the two.
    const genuine = [original, other].map((each) => JSON.stringify(each));
    await noneTaken(
      mixed.filter((text) => !genuine.includes(text)),
      original,
    );
  }, 60_000);
});

describe('of an envelope', () => {
  it('no single bit can be turned', async () => {
    await noneTaken(flips(JSON.stringify(envelope), 1_500, dice(seed + 2)), envelope);
  }, 600_000);

  it('nothing can be changed that leaves it JSON', async () => {
    await noneTaken(mutants(envelope, 500 * times, original, dice(seed + 3)), envelope);
  }, 600_000);
});

it('both are taken as they were made, so that the above says something', async () => {
  expect(await status(JSON.stringify(original), 'verify')).toBe('valid');
  expect(await status(JSON.stringify(original))).toBe(201);
  expect(await status(JSON.stringify({ ...envelope, import_as_version: '1.0.9' }))).toBe(201);
});
