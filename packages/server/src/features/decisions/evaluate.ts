import { setImmediate as breath } from 'node:timers/promises';
import { type Decision, EvaluateRequest, type Problem, problem, problemCodes } from '@policy-studio/contract';
import { explain } from '@policy-studio/engine';
import type { Caller } from '../../caller.js';
import { invalid } from '../../http/route.js';
import { validator } from '../../http/validation.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bootstrapKeyId, mayActAs } from '../access/queries.js';
import { decidedBy, type Enforced } from '../enforcement/queries.js';
import type { EarlierUse } from './away-claims.js';
import { contextText } from './context.js';
import {
  type Circumstances,
  type Draft,
  draft,
  type Facts,
  type Pending,
  type Question,
  questionOf,
  type Source,
  withFacts,
} from './draft.js';
import { factsFor } from './facts.js';
import { type ApprovalSay, exhausted } from './overlays.js';
import { peopleAsked, type Settled } from './people-asked.js';
import { decisionsByIds } from './queries.js';
import { answerOf, type DecisionRow } from './record.js';
import type { Recorded } from './recorder.js';

/** Decides one valid request and returns the answer once it is on record. */
export async function evaluate(
  services: Services,
  caller: Caller,
  request: EvaluateRequest,
): Promise<Decision | Refusal> {
  const question = askedBy(caller, request);
  if (question instanceof Refusal) return question;
  const [answer] = await decideAll(services, caller, [question], 'api');
  return answer ?? refuse('internal', 'no decision was made');
}

const checkRequest = validator(EvaluateRequest, 'body');

/**
 * Decides requests of which nothing is known yet, in order; what cannot be decided is a problem in its place. When the
 * server takes none of them now, that is the answer to the whole batch.
 */
export async function evaluateBatch(
  services: Services,
  caller: Caller,
  requests: readonly unknown[],
): Promise<(Decision | { error: Problem })[] | Refusal> {
  const questions = requests.map((request) => {
    const errors = checkRequest(request, 0);
    return errors ? invalid(errors) : askedBy(caller, request as EvaluateRequest);
  });
  const good = questions.filter((question): question is Question => !(question instanceof Refusal));
  const decided = await decideAll(services, caller, good, 'batch');
  const [first] = decided;
  if (first instanceof Refusal && problemCodes[first.code].status === 503 && decided.every((one) => one === first)) {
    return first;
  }
  const answers = decided.values();
  return questions.map((question) => {
    const answer = question instanceof Refusal ? question : (answers.next().value as Decision | Refusal);
    return answer instanceof Refusal ? { error: problemOf(answer) } : answer;
  });
}

function problemOf({ code, detail, errors, extra }: Refusal): Problem {
  return problem(code, detail, errors, extra);
}

/** The question a caller may ask, or why it may not. */
function askedBy(caller: Caller, request: EvaluateRequest): Question | Refusal {
  if (!mayActAs(caller, request.agent)) {
    return refuse('agent_not_permitted', `this key may not speak for the agent \`${request.agent}\``);
  }
  if (request.explain === true && caller.role === 'agent') {
    return refuse('forbidden', '`explain` shows the rules, which is not for the role `agent`; leave it out');
  }
  const text = contextText(request.context);
  return text instanceof Refusal ? text : questionOf(request, text);
}

type Answer = Decision | Refusal;

/** A batch whose questions take long, as those of a hostile schema may, lets others in between. */
const uninterruptedMs = 25;

/** Decides questions by what is in force now and records them together; answers in order. */
async function decideAll(
  services: Services,
  caller: Caller,
  questions: readonly Question[],
  source: Source,
): Promise<Answer[]> {
  if (questions.length === 0) return [];
  const { clock, recorder, enforcement, decisionId, meter } = services;
  const startedMs = performance.now();
  const inForce = await enforcement.inForce(caller.workspaceId);
  const nowMs = clock.now().getTime();
  const enforced = decidedBy(inForce, nowMs);
  const asker = { keyId: caller.keyId ?? bootstrapKeyId, ignoresSession: caller.ignoresSession === true };
  const facts = await factsFor(recorder, enforced, questions, asker, nowMs);
  const circumstances = {
    stale: enforcement.staleMs(caller.workspaceId, nowMs) > enforced.maxStaleMinutes * 60_000,
    databaseAway: recorder.databaseAway,
  };
  const made = new Set<string>();
  const make = (question: Question, known: Facts, under: Circumstances): Pending => {
    const id = decisionId(nowMs);
    made.add(id);
    return { question, facts: known, draft: draft(question, caller, enforced, known, under, { id, nowMs, source }) };
  };
  const pending: Pending[] = [];
  let since = performance.now();
  for (const [index, question] of questions.entries()) {
    pending.push(make(question, facts[index] ?? {}, circumstances));
    if (performance.now() - since < uninterruptedMs) continue;
    await breath();
    since = performance.now();
  }
  const remade: Remade = {
    again: ({ question, facts: known }) => make(question, known, { ...circumstances, databaseAway: true }),
    approved: ({ question, facts: known }, approval) => make(question, known, { ...circumstances, approval }),
  };
  const answers = circumstances.databaseAway
    ? await answerAway(services, enforced, pending)
    : await answerRecorded(services, enforced, pending, remade);
  const seconds = (performance.now() - startedMs) / 1000;
  for (const answer of answers) {
    // An answer of an earlier call was counted then.
    if (!(answer instanceof Refusal) && made.delete(answer.decision_id)) {
      meter.count(caller.workspaceId, answer, seconds);
    }
  }
  return answers;
}

/** How a question is decided once more, under a new id, when what it depends on has turned out otherwise. */
interface Remade {
  /** The database has just gone. */
  readonly again: (pending: Pending) => Pending;
  /** People have a say in it. */
  readonly approved: (pending: Pending, say: ApprovalSay) => Pending;
}

/** Records in the database. What turns out to need it when it has just gone is decided again, under a new id. */
async function answerRecorded(
  services: Services,
  enforced: Enforced,
  pending: readonly Pending[],
  { again, approved }: Remade,
): Promise<Answer[]> {
  const { recorder, awayClaims } = services;
  const { workspaceId } = enforced;
  const earlier = pending.map(({ draft: { row } }) => awayClaims.earlier(workspaceId, row));
  const fresh = pending.filter((_, index) => !earlier[index]);
  const asked = await peopleAsked(services, enforced, fresh, approved);
  const rows = fresh.flatMap(({ draft: { row } }) => (asked.has(row.id) ? [] : [row]));
  const recorded = rows.length === 0 ? [] : await recorder.record(workspaceId, rows);
  if (recorded instanceof Refusal && asked.size === 0) return pending.map(() => recorded);
  const results = (recorded instanceof Refusal ? rows.map(() => recorded) : recorded).values();
  const settled = fresh.map(
    (one) => asked.get(one.draft.row.id) ?? { pending: one, recorded: results.next().value as Recorded | Refusal },
  );
  const stored = await storedDecisions(services, workspaceId, settled);
  const next = settled.values();
  const lost: Pending[] = [];
  const answers = pending.map((one, index): Promise<Answer> | Answer | null => {
    const use = earlier[index];
    if (use) return answerEarlier(one, use, enforced);
    const { pending: made, recorded: result } = next.next().value as Settled;
    if (result instanceof Refusal) return result;
    if (result.verdict !== 'away') return answerFor(made, result, enforced, stored);
    lost.push(again(one));
    return null;
  });
  const found = (await answerAway(services, enforced, lost)).values();
  return Promise.all(answers.map((answer) => answer ?? (found.next().value as Answer)));
}

/** Keeps the records on disk: those of one call all or none. */
async function answerAway(
  { recorder, awayClaims }: Services,
  enforced: Enforced,
  pending: readonly Pending[],
): Promise<Answer[]> {
  if (pending.length === 0) return [];
  const { workspaceId } = enforced;
  const rows: Draft['row'][] = [];
  // The ids are claimed in this turn, the records are kept in the next.
  const kept = Promise.resolve().then(() => recorder.spool(workspaceId, rows));
  const answers = pending.map((one): Promise<Answer> | Answer => {
    const use = awayClaims.earlier(workspaceId, one.draft.row);
    if (use) return answerEarlier(one, use, enforced);
    rows.push(one.draft.row);
    const answer = kept.then((refusal) => refusal ?? one.draft.decision);
    awayClaims.add(workspaceId, one.draft.row, answer);
    return answer.then((given) => (given instanceof Refusal ? given : explained(given, one, enforced)));
  });
  return Promise.all(answers);
}

/** The decisions that answer repeated requests, by id. */
async function storedDecisions(
  { recorder }: Services,
  workspaceId: number,
  settled: readonly Settled[],
): Promise<ReadonlyMap<string, DecisionRow>> {
  const ids = settled.flatMap(({ recorded }) =>
    !(recorded instanceof Refusal) && recorded.verdict === 'repeated' ? [recorded.storedId] : [],
  );
  if (ids.length === 0) return new Map();
  return new Map((await decisionsByIds(recorder.pool, workspaceId, [...new Set(ids)])).map((row) => [row.id, row]));
}

function answerFor(
  pending: Pending,
  result: Exclude<Recorded, { verdict: 'away' }>,
  enforced: Enforced,
  stored: ReadonlyMap<string, DecisionRow>,
): Answer {
  const { draft: made, question } = pending;
  switch (result.verdict) {
    case 'recorded':
      return explained(made.decision, pending, enforced);
    case 'exhausted':
      return explained(exhausted(made.decision, result.cap), pending, enforced);
    case 'reused':
      return reused(question);
    case 'superseded':
      return superseded(question);
    case 'repeated': {
      const row = stored.get(result.storedId);
      if (!row) return superseded(question);
      const answer = answerOf(row);
      // By the context that was sent: it is the recorded one, and a record keeps no sensitive fields.
      return explained(answer, { question, facts: row.detail.facts }, enforced);
    }
  }
}

function answerEarlier(pending: Pending, use: EarlierUse, enforced: Enforced): Promise<Answer> | Answer {
  const { question } = pending;
  switch (use.verdict) {
    case 'repeated':
      return use.answer.then((given) => (given instanceof Refusal ? given : explained(given, pending, enforced)));
    case 'reused':
      return reused(question);
    case 'superseded':
      return superseded(question);
  }
}

function reused({ request }: Question): Refusal {
  return refuse(
    'request_id_reused',
    `the request_id \`${request.request_id}\` was used for another request; use a new one for each action`,
  );
}

function superseded({ request }: Question): Refusal {
  return refuse(
    'request_id_superseded',
    `the policy changed since the request_id \`${request.request_id}\` was answered; ask again with a new one`,
  );
}

function explained(
  decision: Decision,
  { question: { request, context }, facts }: Pick<Pending, 'question' | 'facts'>,
  enforced: Enforced,
): Decision {
  if (request.explain !== true) return decision;
  const { agent, action } = request;
  // By the bundle that answered, which in a rollout can be either.
  const { other } = enforced;
  const policy = other?.policy && other.bundle?.id === decision.bundle?.id ? other.policy : enforced.policy;
  const { trace } = explain(policy, { agent, action, context: withFacts(context, facts) });
  return { ...decision, trace };
}
