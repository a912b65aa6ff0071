/** Laws of the production engine. They do not mention the specification: they would stand if it did not exist. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bundleDigest, decide, explain, formatCondition, parseCondition, type RuleInput } from '../src/index.js';
import type { Dict } from './condition.js';
import { chooser, spell } from './form.js';
import { formRule, scenario, spellBundle } from './generate.js';
import {
  all,
  answer,
  deepFreeze,
  dice,
  forAll,
  forAllScenarios,
  matching,
  nothing,
  priority,
  reversedKeys,
  ruleFor,
  ruleId,
  shuffled,
  small,
  verdict,
  withRules,
} from './laws.js';
import * as pool from './pool.js';
import { compiled } from './production.js';
import { profiles } from './profiles.js';

describe('who wins', () => {
  it('default_applies_iff_nothing_matches', () => {
    forAll(small, nothing, (made, request) => {
      const decision = answer(made.bundle, request);
      const applies = matching(made, request).length === 0;
      expect(decision.default).toBe(applies);
      expect(decision.matched_rule === null).toBe(applies);
      if (applies) expect(decision.effect).toBe(made.bundle.default_effect);
    });
  });

  it('higher_priority_wins', () => {
    forAll(small, nothing, (made, request) => {
      const matched = matching(made, request);
      const winner = matched.find((rule) => rule.id === answer(made.bundle, request).matched_rule);
      if (winner) expect(priority(winner)).toBe(Math.max(...matched.map(priority)));
    });
  });

  it('deny_wins_ties, and needs_approval wins over allow', () => {
    forAll(small, nothing, (made, request) => {
      const matched = matching(made, request).map((rule): Dict => ({ ...rule, priority: 7 }));
      const { effect } = answer(withRules(made.bundle, matched), request);
      const strictest = ['deny', 'needs_approval', 'allow'].find((e) => matched.some((rule) => rule.effect === e));
      expect(effect).toBe(strictest ?? made.bundle.default_effect);
    });
  });

  it('the_lowest_id_wins_what_is_left', () => {
    forAll(small, nothing, (made, request) => {
      const matched = matching(made, request).map((rule): Dict => ({ ...rule, priority: 7, effect: 'allow' }));
      const { matched_rule } = answer(withRules(made.bundle, matched), request);
      expect(matched_rule).toBe(matched.map(ruleId).sort()[0] ?? null);
    });
  });

  it('order_of_rules_is_irrelevant', () => {
    forAll(all, dice, ({ bundle }, request, numbers) => {
      const other = withRules(bundle, shuffled(bundle.rules, numbers));
      expect(answer(other, request)).toStrictEqual(answer(bundle, request));
    });
  });

  it('the_default_effect_matters_only_without_a_winner', () => {
    forAll(all, fc.constantFrom('allow', 'deny', 'needs_approval'), ({ bundle }, request, default_effect) => {
      const decision = answer(bundle, request);
      const other = answer({ ...bundle, default_effect }, request);
      expect(other).toStrictEqual(decision.default ? { ...decision, effect: default_effect } : decision);
    });
  });

  it('a_winner_that_is_raised_still_wins', () => {
    forAll(all, nothing, ({ bundle }, request) => {
      const { matched_rule } = answer(bundle, request);
      const lowered = bundle.rules.map((rule) => ({ ...rule, priority: Math.min(priority(rule), 999) }));
      const raised = lowered.map((rule) => (ruleId(rule) === matched_rule ? { ...rule, priority: 1000 } : rule));
      if (matched_rule !== null) expect(answer(withRules(bundle, raised), request).matched_rule).toBe(matched_rule);
    });
  });

  it('removing_a_loser_changes_no_verdict', () => {
    forAll(all, fc.nat(), ({ bundle }, request, n) => {
      const decision = answer(bundle, request);
      const losers = bundle.rules.filter((rule) => rule.id !== decision.matched_rule);
      const gone = losers[n % Math.max(losers.length, 1)];
      const rest = bundle.rules.filter((rule) => rule !== gone);
      expect(verdict(answer(withRules(bundle, rest), request))).toStrictEqual(verdict(decision));
    });
  });

  it('adding_a_deny_never_allows', () => {
    const added = formRule(profiles.general).map(({ rule, form }) => ({
      ...rule,
      conditions: spell(form, chooser([])),
    }));
    forAll(all, added, ({ bundle }, request, rule) => {
      const before = answer(bundle, request);
      const deny = { ...rule, id: 'added', effect: 'deny' };
      const after = answer(withRules(bundle, [...bundle.rules, deny]), request);
      if (after.matched_rule === 'added') expect(after.effect).toBe('deny');
      else expect(verdict(after)).toStrictEqual(verdict(before));
    });
  });
});

describe('what does not count', () => {
  it('disabled_rules_do_not_exist', () => {
    forAll(all, fc.nat(), ({ bundle }, request, n) => {
      const off = bundle.rules[n % Math.max(bundle.rules.length, 1)];
      const disabled = bundle.rules.map((rule) => (rule === off ? { ...rule, enabled: false } : rule));
      const enabled = bundle.rules.filter((rule) => rule !== off && rule.enabled !== false);
      expect(answer(withRules(bundle, disabled), request)).toStrictEqual(answer(withRules(bundle, enabled), request));
    });
  });

  it('a_rule_for_another_agent_changes_nothing', () => {
    forAll(
      all,
      fc.constantFrom('someone.else', 'someone.*', 'inbox.triage.*', 'Inbox.triage'),
      ({ bundle }, request, agent) => {
        const others = (['agent', 'action'] as const).map((side) => ({
          ...{ id: `other-${side}`, agent: '*', action: '*', effect: 'deny', priority: 1000, [side]: agent },
        }));
        expect(answer(withRules(bundle, [...bundle.rules, ...others]), request)).toStrictEqual(answer(bundle, request));
      },
    );
  });

  it('prefix_does_not_match_its_own_name', () => {
    const segment = fc.string({ unit: fc.constantFrom(...'aZ0_-/:'), minLength: 1, maxLength: 3 });
    const name = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('.'));
    const law = fc.property(name, segment, name, (prefix, child, action) => {
      const rules = [{ id: 'prefix', agent: `${prefix}.*`, action: '*', effect: 'allow' }];
      const matched = (agent: string) => answer({ rules }, { agent, action, context: {} }).matched_rule;
      expect(matched(`${prefix}.${child}`)).toBe('prefix');
      expect(matched(prefix)).toBeNull();
      expect(matched(`${prefix}${child}`)).toBeNull();
      expect(matched(`${child}.${prefix}`)).toBe(`${child}.${prefix}`.startsWith(`${prefix}.`) ? 'prefix' : null);
    });
    fc.assert(law, { numRuns: 300 });
  });

  it('fields_no_rule_reads_change_nothing, nor does the order of keys', () => {
    forAll(all, fc.constantFrom(...pool.anything), ({ bundle }, request, value) => {
      const context = reversedKeys({ ...request.context, 'a.b': value, 'read-by-nobody': value }) as Dict;
      expect(answer(bundle, { ...request, context })).toStrictEqual(answer(bundle, request));
    });
  });

  it('spelling_is_irrelevant', () => {
    forAll(all, dice, ({ bundle, forms }, request, numbers) => {
      expect(answer(spellBundle(forms, numbers), request)).toStrictEqual(answer(bundle, request));
    });
  });

  it('canonical_spelling_decides_the_same', () => {
    forAll(all, nothing, ({ bundle }, request) => {
      const canonical = bundle.rules.map((rule) => ({ ...rule, conditions: canonicalConditions(rule.conditions) }));
      expect(answer(withRules(bundle, canonical), request)).toStrictEqual(answer(bundle, request));
    });
  });

  it('digest_ignores_order_and_spelling, and nothing else', () => {
    const digest = (rules: readonly unknown[]) => bundleDigest(rules as readonly RuleInput[]);
    const law = fc.property(scenario('general', 0), dice, fc.nat(), ({ bundle, forms }, numbers, n) => {
      const other = shuffled(spellBundle(forms, numbers).rules, numbers).map(reversedKeys);
      expect(digest(other)).toBe(digest(bundle.rules));
      const changed = bundle.rules[n % Math.max(bundle.rules.length, 1)];
      const edited = (part: object) =>
        digest(bundle.rules.map((rule) => (rule === changed ? { ...rule, ...part } : rule)));
      if (changed === undefined) return;
      expect(edited({ priority: 77 })).not.toBe(digest(bundle.rules));
      expect(edited({ conditions: { 'edited exists': true } })).not.toBe(digest(bundle.rules));
      expect(edited({ priority: priority(changed), enabled: changed.enabled ?? true })).toBe(digest(bundle.rules));
    });
    fc.assert(law, { numRuns: 200 });
  });
});

function canonicalConditions(conditions: unknown): Record<string, unknown> {
  const parsed = parseCondition(conditions);
  if (Array.isArray(parsed)) throw new Error(`refused: ${JSON.stringify(parsed)}`);
  return formatCondition(parsed as Exclude<typeof parsed, readonly unknown[]>);
}

describe('decide as a function', () => {
  it('decide_is_pure: it changes no input, keeps nothing, and answers the same twice', () => {
    forAllScenarios(all, nothing, ({ bundle, requests }) => {
      const policy = compiled(deepFreeze(bundle));
      const first = requests.map((request) => decide(policy, deepFreeze(request)));
      for (const [i, request] of [...requests.entries()].reverse()) {
        expect(decide(policy, request)).toStrictEqual(first[i]);
        expect(decide(compiled(bundle), structuredClone(request))).toStrictEqual(first[i]);
      }
    });
  });

  it('a_changed_answer_changes_no_later_answer', () => {
    forAll(small, nothing, ({ bundle }, request) => {
      const policy = compiled(bundle);
      const first = decide(policy, request);
      const kept = structuredClone(first);
      first.errors.push({ code: 'type_mismatch', rule_id: 'planted' });
      first.effect = 'allow';
      expect(decide(policy, request)).toStrictEqual(kept);
    });
  });

  it('decide_never_throws, whatever JSON the context is', () => {
    const json = fc.jsonValue({ maxDepth: 6 }) as fc.Arbitrary<unknown>;
    const chosen = fc.oneof(json, fc.constantFrom(...pool.anything));
    const names = fc.oneof(
      fc.constantFrom('a', 'n', 's', 'args', 'list', 'u', 'to', '__proto__', 'constructor'),
      fc.string(),
    );
    const entries = fc.array(fc.tuple(names, chosen), { maxLength: 8 });
    forAll(all, entries, ({ bundle }, request, made) => {
      const odd = { ...request, context: Object.fromEntries(made) };
      const policy = compiled(bundle);
      expect(['allow', 'deny', 'needs_approval']).toContain(decide(policy, odd).effect);
      expect(explain(policy, odd).decision).toStrictEqual(decide(policy, odd));
    });
  });

  it('errors_do_not_depend_on_the_index', () => {
    const pads = fc.array(fc.tuple(fc.constantFrom('a', 'n', 's', 'args.to'), fc.nat()), {
      minLength: 40,
      maxLength: 40,
    });
    forAll(small, pads, ({ bundle }, request, padding) => {
      const lifted = bundle.rules.map((rule) => ({ ...rule, priority: Math.max(priority(rule), 1) }));
      const pad = (i: number, conditions: Dict) => ({ ...ruleFor(request, conditions), id: `pad-${i}`, priority: 0 });
      const never = padding.map(([field, n], i) => pad(i, { [field]: `never-${n}`, [`!=${field}`]: `never-${n}` }));
      const decision = answer(withRules(bundle, lifted), request);
      expect(answer(withRules(bundle, [...never, ...lifted]), request)).toStrictEqual(decision);
      const wrong = padding.map(([field, n], i) => pad(i, { [`>${field}`]: n, [field]: `never-${n}` }));
      const padded = answer(withRules(bundle, [...wrong, ...lifted]), request);
      expect(verdict(padded)).toStrictEqual(verdict(decision));
      expect(padded.errors.slice(0, decision.errors.length)).toStrictEqual(decision.errors);
    });
  });

  it('errors_end_at_32_and_name_rules_no_lower_than_the_winner', () => {
    forAll(all, nothing, ({ bundle }, request) => {
      const { errors, matched_rule } = answer(bundle, request);
      const byId = new Map(bundle.rules.map((rule) => [ruleId(rule), rule]));
      const lowest = priority(byId.get(matched_rule ?? '') ?? { priority: 0 });
      expect(errors.length).toBeLessThanOrEqual(32);
      for (const { rule_id } of errors) expect(priority(byId.get(rule_id ?? '') ?? {})).toBeGreaterThanOrEqual(lowest);
    });
  });

  it('explanations_name_the_winner_first_among_the_matched', () => {
    forAll(all, nothing, ({ bundle }, request) => {
      const { decision, trace } = explain(compiled(bundle), request);
      expect(trace.find(({ matched }) => matched)?.rule_id ?? null).toBe(decision.matched_rule);
      expect(trace.filter(({ winner }) => winner).map(({ rule_id }) => rule_id)).toEqual(
        decision.matched_rule === null ? [] : [decision.matched_rule],
      );
      for (const { matched, condition } of trace) {
        expect(matched).toBe(condition.kind === 'test' ? condition.result === 'met' : condition.result);
      }
    });
  });
});
