import { type Decision, EvaluateRequest, type Problem, problem } from '@policy-studio/contract';
import { explain } from '@policy-studio/engine';
import type { Caller } from '../../caller.js';
import { invalid } from '../../http/route.js';
import { validator } from '../../http/validation.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { mayActAs } from '../access/queries.js';
import type { Enforced } from '../enforcement/queries.js';
import { contextText } from './context.js';
import {
  type Circumstances,
  type Draft,
  draft,
  type Facts,
  type Question,
  questionOf,
  type Source,
  withFacts,
} from './draft.js';
import { factsFor } from './facts.js';
import { decisionsByIds } from './queries.js';
import { answerOf, type DecisionRow } from './record.js';
import type { Recorded } from './recorder.js';
import { explainRecorded } from './replay.js';

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

/** Decides requests of which nothing is known yet, in order; what cannot be decided is a problem in its place. */
export async function evaluateBatch(
  services: Services,
  caller: Caller,
  requests: readonly unknown[],
): Promise<(Decision | { error: Problem })[]> {
  const questions = requests.map((request) => {
    const errors = checkRequest(request, 0);
    return errors ? invalid(errors) : askedBy(caller, request as EvaluateRequest);
  });
  const good = questions.filter((question): question is Question => !(question instanceof Refusal));
  const answers = (await decideAll(services, caller, good, 'batch')).values();
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

/** Decides questions by what is in force now and records them together; answers in order. */
async function decideAll(
  services: Services,
  caller: Caller,
  questions: readonly Question[],
  source: Source,
): Promise<(Decision | Refusal)[]> {
  if (questions.length === 0) return [];
  const { db, clock, recorder, enforcement } = services;
  const enforced = await enforcement.inForce(caller.workspaceId);
  const nowMs = clock.now().getTime();
  const facts = await factsFor(db.pool, recorder, enforced, questions, nowMs);
  const circumstances = circumstancesOf(services, enforced, nowMs);
  const make = (question: Question, index: number, under: Circumstances): Draft =>
    draft(question, caller, enforced, facts[index] ?? {}, under, { id: services.decisionId(nowMs), nowMs, source });

  const drafts = questions.map((question, index) => make(question, index, circumstances));
  if (circumstances.databaseAway) return decidedAway(services, caller.workspaceId, questions, drafts, enforced, facts);

  const recorded = await recorder.record(
    caller.workspaceId,
    drafts.map(({ row }) => row),
  );
  if (recorded instanceof Refusal) return questions.map(() => recorded);
  const stored = await storedDecisions(services, caller.workspaceId, recorded);
  const lost = recorded.flatMap(({ verdict }, index) => (verdict === 'away' ? [index] : []));
  const away = { ...circumstances, databaseAway: true };
  const again = await decidedAway(
    services,
    caller.workspaceId,
    lost.map((index) => questions[index] as Question),
    // New ids: whether the first ones were committed before the database went is not known.
    lost.map((index) => make(questions[index] as Question, index, away)),
    enforced,
    lost.map((index) => facts[index] ?? {}),
  );
  const answersAway = again.values();
  return drafts.map((made, index) => {
    const result = recorded[index] as Recorded;
    if (result.verdict === 'away') return answersAway.next().value as Decision | Refusal;
    return answerFor(services, made, result, questions[index] as Question, enforced, facts[index] ?? {}, stored);
  });
}

function circumstancesOf({ enforcement, recorder }: Services, enforced: Enforced, nowMs: number): Circumstances {
  return {
    stale: enforcement.staleMs(enforced.workspaceId, nowMs) > enforced.maxStaleMinutes * 60_000,
    databaseAway: recorder.databaseAway,
  };
}

/** Answers that go to the disk spool: all or none of a call. */
async function decidedAway(
  { recorder }: Services,
  workspaceId: number,
  questions: readonly Question[],
  drafts: readonly Draft[],
  enforced: Enforced,
  facts: readonly Facts[],
): Promise<(Decision | Refusal)[]> {
  if (drafts.length === 0) return [];
  const refusal = await recorder.spool(
    workspaceId,
    drafts.map(({ row }) => row),
  );
  if (refusal) return drafts.map(() => refusal);
  return drafts.map(({ decision }, index) =>
    explained(decision, questions[index] as Question, enforced, facts[index] ?? {}),
  );
}

/** The decisions that answer repeated requests, by id. */
async function storedDecisions(
  { db }: Services,
  workspaceId: number,
  recorded: readonly Recorded[],
): Promise<ReadonlyMap<string, DecisionRow>> {
  const ids = recorded.flatMap((result) => (result.verdict === 'repeated' ? [result.storedId] : []));
  if (ids.length === 0) return new Map();
  return new Map((await decisionsByIds(db.pool, workspaceId, [...new Set(ids)])).map((row) => [row.id, row]));
}

function answerFor(
  _services: Services,
  made: Draft,
  result: Recorded,
  question: Question,
  enforced: Enforced,
  facts: Facts,
  stored: ReadonlyMap<string, DecisionRow>,
): Decision | Refusal {
  const requestId = question.request.request_id;
  switch (result.verdict) {
    case 'recorded':
      return explained(made.decision, question, enforced, facts);
    case 'exhausted':
      return explained(made.denied ?? made.decision, question, enforced, facts);
    case 'reused':
      return refuse(
        'request_id_reused',
        `the request_id \`${requestId}\` was used for another request; use a new one for each action`,
      );
    case 'superseded':
      return superseded(requestId);
    case 'repeated': {
      const row = stored.get(result.storedId);
      if (!row) return superseded(requestId);
      const answer = answerOf(row);
      return question.request.explain === true ? { ...answer, trace: explainRecorded(enforced.policy, row) } : answer;
    }
    case 'away':
      throw new Error('a decision that needs the database was not decided again');
  }
}

function superseded(requestId: string | undefined): Refusal {
  return refuse(
    'request_id_superseded',
    `the policy changed since the request_id \`${requestId}\` was answered; ask again with a new one`,
  );
}

function explained(decision: Decision, { request, context }: Question, enforced: Enforced, facts: Facts): Decision {
  if (request.explain !== true) return decision;
  const { agent, action } = request;
  const { trace } = explain(enforced.policy, { agent, action, context: withFacts(context, facts) });
  return { ...decision, trace };
}
