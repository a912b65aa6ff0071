import { type CompiledPolicy, clockIn, isFact, type SimulationCase } from '@policy-studio/engine';
import type { RecordedRequest } from '../../features/decisions/queries.js';
import { notKept } from '../../features/decisions/redaction.js';

/** Records that are had by asking: each answer is a page, an empty one is the end. */
export interface RecordFeed {
  /** How many will come. */
  readonly total: number;
  readonly timeZone: string;
}

/** A recorded request as a case, with what tells how often people would be asked about it. */
export interface RecordedCase extends SimulationCase {
  readonly atMs: number;
  /** The same of requests that join one approval. */
  readonly request: string;
}

/** What became of the records that were to be decided again. */
export interface Replayable {
  readonly n: number;
  readonly of: number;
  readonly lacking: { readonly redacted: number; readonly facts: number; readonly unreadable: number };
}

/**
 * Recorded requests as cases that expect the effect that was recorded. Those that lack something the policies read are
 * left out and counted. The facts of the clock are those of the time of the record, so they are never lacking.
 */
export function recordedCases(
  { timeZone }: RecordFeed,
  policies: readonly CompiledPolicy[],
  nextPage: () => Promise<readonly RecordedRequest[]>,
): { cases: AsyncIterable<RecordedCase>; replayable: () => Replayable } {
  const clock = clockIn(timeZone);
  const readBy = fieldsReadBy(policies);
  const lacking = { redacted: 0, facts: 0, unreadable: 0 };
  const counts = { n: 0, of: 0 };

  const caseOf = (record: RecordedRequest): RecordedCase | keyof typeof lacking => {
    const { id, at, agent, action, policy_effect } = record;
    const kept = readJson(record);
    if (kept === null) return 'unreadable';
    const { fields, facts } = readBy(agent, action);
    if (notKept(fields, kept.redacted) !== null) return 'redacted';
    const known: Readonly<Record<string, unknown>> = { ...clock(at), ...kept.facts };
    if (facts.some((fact) => !Object.hasOwn(known, fact) && mayBeUnknown(fact, record))) return 'facts';
    const used = facts.filter((fact) => Object.hasOwn(known, fact)).map((fact) => [fact, known[fact]]);
    const context = used.length === 0 ? kept.context : { ...kept.context, ...Object.fromEntries(used) };
    // An approval is bound to the context without facts, which is what is recorded.
    const request = `${agent} ${action} ${record.context}`;
    return { case_id: id, agent, action, context, expected_effect: policy_effect, atMs: at, request };
  };

  async function* cases(): AsyncGenerator<RecordedCase> {
    for (let page = await nextPage(); page.length > 0; page = await nextPage()) {
      for (const record of page) {
        counts.of += 1;
        const one = caseOf(record);
        if (typeof one === 'string') {
          lacking[one] += 1;
        } else {
          counts.n += 1;
          yield one;
        }
      }
    }
  }
  return { cases: cases(), replayable: () => ({ ...counts, lacking: { ...lacking } }) };
}

interface FieldsRead {
  readonly fields: readonly string[];
  /** Those of the fields that only the server sets. */
  readonly facts: readonly string[];
}

/** What any of the policies reads for an agent and action. */
function fieldsReadBy(policies: readonly CompiledPolicy[]): (agent: string, action: string) => FieldsRead {
  const known = new Map<string, FieldsRead>();
  return (agent, action) => {
    const key = `${agent} ${action}`;
    let read = known.get(key);
    if (read === undefined) {
      const fields = [...new Set(policies.flatMap((policy) => policy.fieldsRead(agent, action)))];
      read = { fields, facts: fields.filter(isFact) };
      known.set(key, read);
    }
    return read;
  };
}

/** A fact that is not on record was unknown then, or no rule read it; only without a session it is certain which. */
function mayBeUnknown(fact: string, { session }: RecordedRequest): boolean {
  return fact !== 'session_spend' || session !== null;
}

interface Kept {
  readonly context: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly redacted: readonly string[];
}

function readJson(record: RecordedRequest): Kept | null {
  try {
    const context: unknown = JSON.parse(record.context);
    const facts: unknown = JSON.parse(record.facts);
    const redacted: unknown = record.redacted === null ? [] : JSON.parse(record.redacted);
    return isObject(context) && isObject(facts) && Array.isArray(redacted) ? { context, facts, redacted } : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
