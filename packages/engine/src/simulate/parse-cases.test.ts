import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../diagnostic.js';
import { anyContext } from '../rules.testkit.js';
import { caseLimits, type SimulationCase } from './case.js';
import { fixtures } from './fixtures.js';
import { type CaseFormat, type CaseSource, parseCaseList, parseCases } from './parse-cases.js';

function accepted(text: string, format: CaseFormat): CaseSource {
  const source = parseCases(text, format);
  if (Array.isArray(source)) throw new Error(JSON.stringify(source));
  return source;
}

function refused(text: string, format: CaseFormat): Diagnostic {
  const source = parseCases(text, format);
  if (!Array.isArray(source)) throw new Error(`accepted: ${JSON.stringify(source.cases)}`);
  return source[0] as Diagnostic;
}

const one = '{"agent": "a", "action": "b"}';

describe('cases in a text', () => {
  it('are the same in each format', () => {
    const csv = [
      'case_id,agent,action,n,tags,args.to,text,expected_effect,expected_rule,expected_reason',
      'first,a.b,c,0.5,"[""x""]",x@example.com,"one, ""two""\nthree",deny,null,because',
      'second,a.b,c,,,,true,,some-rule,',
    ].join('\r\n');
    const cases = [
      {
        case_id: 'first',
        agent: 'a.b',
        action: 'c',
        context: { n: 0.5, tags: ['x'], args: { to: 'x@example.com' }, text: 'one, "two"\nthree' },
        expected_effect: 'deny',
        expected_rule: null,
        expected_reason: 'because',
      },
      { case_id: 'second', agent: 'a.b', action: 'c', context: { text: true }, expected_rule: 'some-rule' },
    ];
    expect(accepted(csv, 'csv').cases).toEqual(cases);
    expect(accepted(JSON.stringify(cases), 'json').cases).toEqual(cases);
    expect(accepted(JSON.stringify({ cases }), 'json').cases).toEqual(cases);
    expect(accepted(JSON.stringify({ cases }), 'yaml').cases).toEqual(cases);
    expect(accepted(`\uFEFF${cases.map((each) => JSON.stringify(each)).join('\n\n')}\n`, 'jsonl').cases).toEqual(cases);
  });

  it('are read back as they were written', () => {
    const cases = fc
      .array(anyContext, { maxLength: 5 })
      .map((contexts) =>
        contexts.map((context, i): SimulationCase => ({ case_id: `c${i}`, agent: 'a', action: 'b', context })),
      );
    fc.assert(
      fc.property(cases, (written) => {
        for (const [text, format] of [
          [JSON.stringify(written), 'json'],
          [written.map((each) => JSON.stringify(each)).join('\n'), 'jsonl'],
        ] as const) {
          expect(JSON.stringify(accepted(text, format).cases)).toBe(JSON.stringify(written));
        }
      }),
    );
  });

  it('may leave out the id and the context, and may call the id `name`', () => {
    const source = accepted(`[${one}, {"name": "second", "agent": "a", "action": "b"}]`, 'json');
    expect(source.cases.map(({ case_id, context }) => [case_id, context])).toEqual([
      ['case-1', {}],
      ['second', {}],
    ]);
    expect(accepted('', 'jsonl').cases).toEqual([]);
  });

  it('may say what they expect in either spelling', () => {
    const spelled = (text: string) => accepted(`[{"agent": "a", "action": "b", ${text}}]`, 'json').cases[0];
    expect(spelled('"expect": {"effect": "deny", "rule": null, "reason": "x"}')).toEqual(
      spelled('"expected_effect": "deny", "expected_rule": null, "expected_reason": "x"'),
    );
    expect(spelled('"expect": "allow"')).toEqual(spelled('"expected_effect": "allow"'));
  });

  it('may set facts, in `facts` or in the context', () => {
    const text = '[{"agent":"a","action":"b","context":{"n":1,"is_weekend":true},"facts":{"current_hour":23}}]';
    expect(accepted(text, 'json').cases[0]?.context).toEqual({ n: 1, is_weekend: true, current_hour: 23 });
  });

  it('keep a field called `__proto__`', () => {
    const text = '[{"agent":"a","action":"b","context":{"__proto__":1},"facts":{"current_hour":23}}]';
    const context = accepted(text, 'json').cases[0]?.context ?? {};
    expect(Object.keys(context)).toEqual(['__proto__', 'current_hour']);
  });

  it('know where each begins', () => {
    expect(accepted(`[\n  ${one},\n  {"name": "x", "agent": "a", "action": "b"}]`, 'json').locate(1)).toEqual({
      line: 3,
      column: 3,
    });
    expect(accepted(`${one}\n\n {"name": "x", "agent": "a", "action": "b"}`, 'jsonl').locate(1)).toEqual({
      line: 3,
      column: 2,
    });
    expect(accepted('agent,action,t\na,b,"x\ny"\n\na,c,z\n', 'csv').locate(1)).toEqual({ line: 5, column: 1 });
    expect(accepted('- {agent: a, action: b}\n- {agent: a, action: c}', 'yaml').locate(1)).toMatchObject({ line: 2 });
    expect(accepted(`[${one}]`, 'json').locate(1)).toBeNull();
  });
});

describe('a text that is not cases', () => {
  it.each<[string, CaseFormat, RegExp, number]>([
    ['[\n{"agent": "a", "action": "b", "expected_efect": "deny"}]', 'json', /did you mean `expected_effect`/, 2],
    ['{"agent": "a", "action": "b", "expected_effect": "alow"}', 'jsonl', /did you mean `allow`/, 1],
    [`${one}\n{"agent": "a", "action": }`, 'jsonl', /value is missing/, 2],
    [`${one}\n${one}\n{"agent": "a", "agent": "b"}`, 'jsonl', /stands twice/, 3],
    ['[{"agent": "inbox.*", "action": "b"}]', 'json', /no `\*`/, 1],
    ['[{"agent": "a"}]', 'json', /no `action`/, 1],
    ['[{"agent": "a", "action": "b", "context": []}]', 'json', /`context` must be an object/, 1],
    ['[{"agent": "a", "action": "b", "context": {"n": 1e999}}]', 'json', /finite/, 1],
    ['- {agent: a, action: b, context: {n: .nan}}', 'yaml', /finite/, 1],
    ['[{"agent": "a", "action": "b", "facts": {"hour": 1}}]', 'json', /no fact `hour`/, 1],
    ['[{"agent": "a", "action": "b", "facts": {"current_hour": "9"}}]', 'json', /an integer from 0 to 23/, 1],
    ['[{"agent": "a", "action": "b", "facts": {"day_of_week": "Monday"}}]', 'json', /one of `monday`/, 1],
    ['[{"agent": "a", "action": "b", "facts": {"now": "yesterday"}}]', 'json', /a time such as/, 1],
    ['[{"agent": "a", "action": "b", "case_id": "x", "name": "y"}]', 'json', /not both/, 1],
    ['[{"agent": "a", "action": "b", "case_id": " "}]', 'json', /text of one line/, 1],
    ['[{"agent": "a", "action": "b", "expected_rule": 3}]', 'json', /id of a rule, or null/, 1],
    [`[${one},\n{"agent": "a", "action": "b", "case_id": "case-1"}]`, 'json', /taken by case 1/, 2],
    ['{"case": []}', 'json', /cases are a list/, 1],
    ['{"cases": [],\n"rules": "x.yaml"}', 'json', /beside `cases`/, 2],
    ['3', 'yaml', /cases are a list/, 1],
    ['', 'csv', /empty/, 1],
    ['agent,actoin\na,b', 'csv', /no column `action`: rename `actoin`/, 1],
    ['agent;action\na;b', 'csv', /put commas between/, 1],
    ['agent,action,n,n\na,b,1,2', 'csv', /stands twice/, 1],
    ['agent,action,a,a.b\na,b,1,2', 'csv', /cannot be a column beside/, 1],
    ['agent,action,a..b\na,b,1', 'csv', /no path/, 1],
    ['agent,action,__proto__.x\na,b,1', 'csv', /no rule can read/, 1],
    ['agent,action,expected_efect\na,b,deny', 'csv', /did you mean `expected_effect`/, 1],
    ['agent,action,context.n\na,b,1', 'csv', /write `amount`/, 1],
    ['agent,action,expect\na,b,deny', 'csv', /stands in `expected_effect`/, 1],
    ['[{"agent": "a", "action": "b", "expect": "deny", "expected_rule": null}]', 'json', /not both/, 1],
    ['[{"agent": "a", "action": "b", "expect": {}}]', 'json', /says nothing/, 1],
    ['agent,action,n\na,b,1\na,b,1,2', 'csv', /4 cells and the header 3/, 3],
    ['agent,action,n\na,b,"1', 'csv', /no end/, 2],
    ['agent,action,n\na,b,1"2"', 'csv', /inside a cell/, 2],
    ['agent,action,n\na,b,"1"2', 'csv', /closing quote/, 2],
    ['agent,action,n\na,b,1e999', 'csv', /finite/, 2],
    ['agent,action,expected_effect\n\na,b,Deny', 'csv', /one of `allow`/, 3],
  ])('%j in %s is refused with its place', (text, format, message, line) => {
    const problem = refused(text, format);
    expect(problem.message).toMatch(message);
    if (text !== '') expect(problem.line).toBe(line);
  });

  it('is refused where a context is too large or too deep', () => {
    const context = (value: unknown) => JSON.stringify([{ agent: 'a', action: 'b', context: { value } }]);
    expect(refused(context('x'.repeat(65_536)), 'json').message).toMatch(/65536 bytes/);
    expect(accepted(context('x'.repeat(65_000)), 'json').cases).toHaveLength(1);
    let deep: unknown = 1;
    for (let i = 0; i < 32; i++) deep = [deep];
    expect(refused(context(deep), 'json').message).toMatch(/32 levels/);
    expect(accepted(context((deep as unknown[])[0]), 'json').cases).toHaveLength(1);
  });

  it('is refused where there are too many cases', () => {
    const rows = Array.from({ length: caseLimits.cases + 1 }, () => 'a,b').join('\n');
    expect(accepted(`agent,action\n${rows.slice(4)}`, 'csv').cases).toHaveLength(caseLimits.cases);
    expect(refused(`agent,action\n${rows}`, 'csv')).toMatchObject({ code: 'limit-exceeded' });
    expect(refused('0\n'.repeat(caseLimits.cases + 1), 'jsonl')).toMatchObject({ code: 'limit-exceeded' });
    expect(refused(`[${'0,'.repeat(caseLimits.cases)}0]`, 'json')).toMatchObject({ code: 'limit-exceeded' });
  });

  it('reports no more than a thousand findings', () => {
    const source = parseCases(JSON.stringify(Array.from({ length: 2000 }, () => 7)), 'json');
    expect(source).toHaveLength(1000);
  });

  it('is a finding and never throws, whatever it is', () => {
    const formats: CaseFormat[] = ['json', 'jsonl', 'csv', 'yaml'];
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...formats), (text, format) => {
        parseCases(text, format);
      }),
      { numRuns: 500 },
    );
  });
});

describe('cases that are values', () => {
  it('are checked alike', () => {
    expect(parseCaseList(fixtures)).toEqual(fixtures);
    const read = parseCaseList([fixtures[0], { agent: 'a', action: 'b', context: { f: () => 1 } }, null]);
    expect(read).toMatchObject({ diagnostics: [{ path: [1, 'context'] }, { path: [2] }] });
  });
});
