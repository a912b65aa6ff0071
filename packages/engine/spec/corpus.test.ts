import { describe, expect, it } from 'vitest';
import { compile, decide as decideInProduction, explain, type Lists, type RuleInput } from '../src/index.js';
import { check } from './check.js';
import { isDecisionCase, loadCorpus, type RefusalCase } from './corpus.js';
import { decide } from './decide.js';
import { compiled } from './production.js';

interface Refusal {
  readonly code: string;
  readonly path: readonly (string | number)[];
}

/** Every expected refusal is there, and no refusal that is not expected. */
function expectRefusals(found: readonly Refusal[], { expected }: RefusalCase): void {
  const isAt = (finding: Refusal, wanted: Refusal) =>
    finding.code === wanted.code && wanted.path.every((segment, i) => finding.path[i] === segment);
  expect(found, 'refusals').not.toEqual([]);
  for (const wanted of expected.diagnostics) expect(found.filter((finding) => isAt(finding, wanted))).not.toEqual([]);
  expect(found.filter((finding) => !expected.diagnostics.some((wanted) => isAt(finding, wanted)))).toEqual([]);
}

const corpus = loadCorpus();

describe('the corpus', () => {
  it('holds at least 250 cases whose names are unique within their topic', () => {
    expect(corpus.flatMap((file) => file.cases).length).toBeGreaterThanOrEqual(250);
    for (const { topic, cases } of corpus) {
      const names = cases.map((corpusCase) => corpusCase.name);
      expect(names, topic).toEqual([...new Set(names)]);
    }
  });
});

for (const { topic, cases } of corpus) {
  const named = cases.map((corpusCase) => [corpusCase.name, corpusCase] as const);

  describe(`${topic}: the specification`, () => {
    it.each(named)('%s', (_, corpusCase) => {
      if (isDecisionCase(corpusCase)) {
        expect(check(corpusCase)).toEqual([]);
        expect(decide(corpusCase, corpusCase.request)).toMatchObject(corpusCase.expected);
      } else {
        expectRefusals(check(corpusCase), corpusCase);
      }
    });
  });

  describe(`${topic}: the engine`, () => {
    it.each(named)('%s', (_, corpusCase) => {
      if (isDecisionCase(corpusCase)) {
        const policy = compiled(corpusCase);
        const decision = decideInProduction(policy, corpusCase.request);
        expect(decision).toMatchObject(corpusCase.expected);
        expect(explain(policy, corpusCase.request).decision).toStrictEqual(decision);
      } else {
        const { rules, lists = {} } = corpusCase;
        const refused = compile({ rules: rules as readonly RuleInput[] }, lists as unknown as Lists);
        expectRefusals(Array.isArray(refused) ? refused : [], corpusCase);
      }
    });
  });
}
