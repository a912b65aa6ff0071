import type { RuleInput } from '@policy-studio/engine';
import { asRule, type BenchRequest, type BenchRule, type BenchTest, workload } from '../decide/workload.js';

/**
 * The rules of the comparison over HTTP: 200 of them, ten a pair. Cerbos knows allow and deny, no priorities, and deny
 * overrides; so here every rule has the same priority and none needs an approval, and both mean the same.
 */
const { rules, requests } = workload(200, 20);
const plainRules: readonly BenchRule[] = rules.map((rule) => ({
  ...rule,
  priority: 50,
  effect: rule.effect === 'allow' ? 'allow' : 'deny',
}));

export const questions: readonly BenchRequest[] = requests;

export function policyStudioRules(): RuleInput[] {
  return plainRules.map(asRule);
}

/** One resource policy for each agent, as JSON; by file name. */
export function cerbosPolicies(): Map<string, string> {
  const byAgent = new Map<string, BenchRule[]>();
  for (const rule of plainRules) {
    const own = byAgent.get(rule.agent);
    if (own === undefined) byAgent.set(rule.agent, [rule]);
    else own.push(rule);
  }
  return new Map(
    [...byAgent].map(([agent, own]) => {
      const policy = {
        apiVersion: 'api.cerbos.dev/v1',
        resourcePolicy: { resource: agent, version: 'default', rules: own.map(cerbosRule) },
      };
      return [`${agent}.json`, JSON.stringify(policy, null, 2)];
    }),
  );
}

function cerbosRule({ action, effect, tests }: BenchRule): object {
  return {
    actions: [action],
    effect: effect === 'allow' ? 'EFFECT_ALLOW' : 'EFFECT_DENY',
    roles: ['*'],
    condition: { match: { all: { of: tests.map((test) => ({ expr: celOf(test) })) } } },
  };
}

function celOf(test: BenchTest): string {
  const field = `R.attr.${test.field}`;
  switch (test.is) {
    // Numbers of a JSON request are doubles to CEL.
    case 'at_least':
      return `${field} >= ${test.value.toFixed(1)}`;
    case 'below':
      return `${field} < ${test.value.toFixed(1)}`;
    case 'equal':
      return `${field} == ${JSON.stringify(test.value)}`;
    case 'one_of':
      return `${field} in ${JSON.stringify(test.value)}`;
  }
}

/** A check of one resource for each question; Cerbos has no other form, for one or for many. */
export function cerbosBody(asked: readonly BenchRequest[]): string {
  return JSON.stringify({
    principal: { id: 'bench', roles: ['agent'] },
    resources: asked.map(({ agent, action, context }, index) => ({
      resource: { kind: agent, id: String(index), attr: context },
      actions: [action],
    })),
  });
}
