import { databaseFailure } from '../../database-failure.js';
import type { Enforced } from '../enforcement/queries.js';
import { limitsOf, sessionAccount } from './caps.js';
import { type CounterName, type CounterQuestion, type Counters, counterNames, readCounters } from './counters.js';
import type { Facts, Question } from './draft.js';
import type { Recorder } from './recorder.js';

const counters: ReadonlySet<string> = new Set(counterNames);
const noFacts: Facts = {};

/**
 * The facts that the candidates of each question read, in order. The clock is free; counters are read from the database
 * in one query, and only when some rule reads one. While the database is away counters are unknown and left out.
 */
export async function factsFor(
  recorder: Pick<Recorder, 'databaseAway' | 'noteAway' | 'pool'>,
  enforced: Enforced,
  questions: readonly Question[],
  asker: Asker,
  nowMs: number,
): Promise<Facts[]> {
  const read = questions.map(({ request }) => enforced.factsRead(request.agent, request.action));
  if (read.every((names) => names.length === 0)) return questions.map(() => noFacts);
  const counted = await countersFor(recorder, enforced, { questions, read, asker }, nowMs);
  const clock: Facts = { ...enforced.clockFacts(nowMs) };
  return read.map((names, index) => {
    const known: Facts = { ...clock, ...counted[index] };
    return Object.fromEntries(names.flatMap((name) => (known[name] === undefined ? [] : [[name, known[name]]])));
  });
}

/** Who asks: what is counted where no session is given. */
interface Asker {
  readonly keyId: number;
  readonly ignoresSession: boolean;
}

interface Asked {
  readonly questions: readonly Question[];
  /** The facts that each is to know. */
  readonly read: readonly (readonly string[])[];
  readonly asker: Asker;
}

async function countersFor(
  recorder: Pick<Recorder, 'databaseAway' | 'noteAway' | 'pool'>,
  enforced: Enforced,
  { questions, read, asker }: Asked,
  nowMs: number,
): Promise<readonly (Counters | undefined)[]> {
  const asked = new Map<string, CounterQuestion>();
  const day = enforced.calendarDay(nowMs);
  const keys = questions.map(({ request: { agent, session = null } }, index) => {
    const names = (read[index] ?? []).filter((name): name is CounterName => counters.has(name));
    if (names.length === 0) return null;
    const key = JSON.stringify([agent, session, names]);
    const trusted = asker.ignoresSession ? null : session;
    const { name: account } = sessionAccount({ agent, keyId: asker.keyId, session: trusted }, day);
    asked.set(key, { agent, session, names, account, limits: limitsOf(enforced, agent) });
    return key;
  });
  if (asked.size === 0 || recorder.databaseAway) return [];
  try {
    const at = { nowMs, day, bounds: enforced.dayBounds(nowMs), capsEpoch: enforced.capsEpoch };
    const answers = await readCounters(recorder.pool, enforced.workspaceId, [...asked.values()], at);
    const byKey = new Map([...asked.keys()].map((key, index) => [key, answers[index]]));
    return keys.map((key) => (key === null ? undefined : byKey.get(key)));
  } catch (error) {
    if (databaseFailure(error) !== 'away') throw error;
    recorder.noteAway(error);
    return [];
  }
}
