import { Group } from '@mantine/core';
import type { ReactNode } from 'react';
import { moneyText, numberText } from '../../ui/figures.js';
import classes from './RuleFacts.module.css';
import type { RuleDocument } from './rule-document.js';

/** What stands beside the conditions of a rule: order, budget, people, tags. */
export function RuleFacts({ rule }: { readonly rule: RuleDocument }) {
  const { priority, budget, minApprovers, tags, enabled, agent, action } = rule;
  const spent = budget === null ? [] : budgetWords(budget);
  return (
    <dl className={classes.facts}>
      <Fact name="Agent">{agent}</Fact>
      <Fact name="Action">{action}</Fact>
      <Fact name="Priority">{numberText(priority)}</Fact>
      {enabled ? null : <Fact name="State">Disabled, never asked</Fact>}
      {spent.length > 0 ? <Fact name="Budget">{spent.join(', ')}</Fact> : null}
      {minApprovers === null ? null : <Fact name="Approvers">{minApprovers} at least</Fact>}
      {tags.length > 0 ? (
        <Fact name="Tags">
          <Group gap={4}>
            {tags.map((tag) => (
              <span key={tag} className={classes.tag}>
                {tag}
              </span>
            ))}
          </Group>
        </Fact>
      ) : null}
    </dl>
  );
}

function budgetWords({ cost, compute, risk }: NonNullable<RuleDocument['budget']>): string[] {
  return [
    ...(cost === undefined ? [] : [moneyText(cost)]),
    ...(compute === undefined ? [] : [`${numberText(compute)} compute units`]),
    ...(risk === undefined ? [] : [`${risk} risk`]),
  ];
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
