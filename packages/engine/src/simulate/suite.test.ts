import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../diagnostic.js';
import { inboxRules, policyOf } from './policies.testkit.js';
import { simulate } from './run.js';
import { type PolicySuite, parseSuite } from './suite.js';

function accepted(text: string): PolicySuite {
  const suite = parseSuite(text, 'yaml');
  if (Array.isArray(suite)) throw new Error(JSON.stringify(suite));
  return suite;
}

function refused(text: string): Diagnostic[] {
  const suite = parseSuite(text, 'yaml');
  if (!Array.isArray(suite)) throw new Error(`accepted: ${JSON.stringify(suite)}`);
  return suite;
}

const text = `# Tests of the inbox rules.
description: the inbox
rules: ./inbox.yaml
lists: ./lists.json
time_zone: America/New_York
cases:
  - name: a new domain is denied
    agent: inbox.triage
    action: quarantine
    context: {risk_score: 95, domain_seen_days: 5}
    expect: deny
  - name: a known domain needs a person
    agent: inbox.triage
    action: quarantine
    context: {risk_score: 95, domain_seen_days: 50}
    facts: {now: "2026-03-01T02:30:00.000Z"}
    expect: {effect: needs_approval, rule: approve-known-domains, reason: a person decides}
  - agent: inbox.triage
    action: escalate
    expect: {effect: deny, rule: null}
`;

describe('a suite', () => {
  it('reads paths, settings and cases', () => {
    const suite = accepted(text);
    expect(suite).toMatchObject({
      description: 'the inbox',
      rules: ['./inbox.yaml'],
      lists: './lists.json',
      catalog: null,
      default_effect: 'deny',
      time_zone: 'America/New_York',
    });
    expect(
      suite.cases.map(({ case_id, expected_effect, expected_rule, expected_reason }) => [
        case_id,
        expected_effect,
        expected_rule,
        expected_reason,
      ]),
    ).toEqual([
      ['a new domain is denied', 'deny', undefined, undefined],
      ['a known domain needs a person', 'needs_approval', 'approve-known-domains', 'a person decides'],
      ['case-3', 'deny', null, undefined],
    ]);
    expect(suite.locate(['cases', 1])).toEqual({ line: 12, column: 5 });
    expect(suite.locate(['cases', 1, 'expect', 'rule'])).toMatchObject({ line: 17 });
  });

  it('passes on the rules it was written for, and fails on others', () => {
    const { cases } = accepted(text);
    expect(simulate(policyOf(inboxRules), cases).failures).toEqual([]);
    expect(simulate(policyOf([]), cases).failures.map(({ case_id }) => case_id)).toEqual([
      'a known domain needs a person',
    ]);
  });

  it('makes the facts of the clock from `now`, in its time zone, unless they are given', () => {
    const facts = (given: string) =>
      accepted(text.replace('{now: "2026-03-01T02:30:00.000Z"}', given)).cases[1]?.context;
    expect(facts('{now: "2026-03-01T02:30:00.000Z"}')).toMatchObject({
      now: '2026-03-01T02:30:00.000Z',
      current_hour: 21,
      day_of_week: 'saturday',
      is_weekend: true,
    });
    expect(facts('{now: "2026-03-01T02:30:00.000Z", current_hour: 3}')).toMatchObject({ current_hour: 3 });
    expect(facts('{current_hour: 3}')).not.toHaveProperty('now');
  });

  it('may name several files of rules', () => {
    expect(accepted(text.replace('./inbox.yaml', '[./a.yaml, ./b.yaml]')).rules).toEqual(['./a.yaml', './b.yaml']);
  });

  it('is the same as JSON', () => {
    const json = JSON.stringify({ rules: 'a.json', cases: [{ agent: 'a', action: 'b', expect: 'allow' }] });
    expect(parseSuite(json, 'json')).toMatchObject({ rules: ['a.json'], cases: [{ expected_effect: 'allow' }] });
  });
});

describe('a text that is no suite', () => {
  it.each([
    ['rules: ./inbox.yaml', 'ruls: ./inbox.yaml', /unknown key `ruls`, did you mean `rules`/, 3],
    ['rules: ./inbox.yaml', 'rules: []', /names no file/, 3],
    ['rules: ./inbox.yaml', 'rules: {path: x}', /path of a bundle/, 3],
    ['lists: ./lists.json', 'lists: [1]', /path of a file/, 4],
    ['America/New_York', 'Amerika', /name of a time zone/, 5],
    ['America/New_York', '+01:00', /name of a time zone/, 5],
    ['description: the inbox', 'default_effect: denny', /did you mean `deny`/, 2],
    ['expect: deny\n', 'expected: deny\n', /unknown key `expected`, did you mean `expect`/, 11],
    ['expect: deny\n', 'expect: deny\n    expected_rule: x\n', /not both/, 12],
    ['    expect: deny\n', '', /expects nothing/, 7],
    ['expect: deny\n', 'expect: denny\n', /did you mean `deny`/, 11],
    ['expect: deny\n', 'expect: {}\n', /says nothing/, 11],
    ['expect: deny\n', 'expect: [deny]\n', /say what is expected/, 11],
    ['rule: null}', 'rul: null}', /did you mean `rule`/, 20],
    ['now: "2026-03-01T02:30:00.000Z"', 'now: "2026-02-31T02:30:00.000Z"', /a time such as/, 16],
    ['name: a known domain needs a person', 'name: a new domain is denied', /taken by case 1/, 12],
  ])('with %j as %j is refused with its place', (was, is, message, line) => {
    expect(text).toContain(was);
    const problems = refused(text.replace(was, is));
    expect(problems.find((problem) => message.test(problem.message))).toMatchObject({ line });
  });

  it('is refused without rules, without cases, or where it is no object', () => {
    expect(refused('cases: []').map(({ message }) => message)).toEqual([
      'the suite has no `rules`: name the file of the bundle',
      'the suite has no cases: it could not fail',
    ]);
    expect(refused('rules: x.yaml')[0]?.message).toBe('the suite has no `cases`: add the list');
    expect(refused('- rules: x.yaml')[0]?.message).toMatch(/is an object/);
  });

  it('is a finding and never throws, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.json(),
        fc.constantFrom('json' as const, 'yaml' as const),
        (a, b, format) => {
          parseSuite(a, format);
          parseSuite(b, format);
        },
      ),
    );
  });
});
