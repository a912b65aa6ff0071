import { IconRuler2 } from '@tabler/icons-react';
import { useMemo } from 'react';
import { SeverityMark } from '../../domain/findings.js';
import { RuleSentence } from '../../domain/RuleSentence.js';
import { Quoted } from '../../ui/Quoted.js';
import { EmptyState } from '../../ui/states.js';
import { RuleFacts } from './RuleFacts.js';
import { RuleList } from './RuleList.js';
import classes from './RulesView.module.css';
import { type FindingOfRule, type RuleDocument, readRules } from './rule-document.js';

interface RulesViewProps {
  readonly rules: readonly unknown[];
  readonly findings: readonly FindingOfRule[];
  /** Id of the rule that is shown; null: the first. */
  readonly selected: string | null;
  readonly onSelect: (id: string) => void;
}

/** The rules in the order in which they are asked, and the one that is chosen in words. */
export function RulesView({ rules, findings, selected, onSelect }: RulesViewProps) {
  const documents = useMemo(() => readRules(rules, findings), [rules, findings]);
  const shown = documents.find(({ id }) => id === selected) ?? documents[0];
  if (shown === undefined) {
    return (
      <EmptyState icon={<IconRuler2 size={28} />} title="This bundle has no rules">
        A bundle without rules cannot be activated.
      </EmptyState>
    );
  }
  return (
    <div className={classes.columns} data-chosen={selected !== null || undefined}>
      <RuleList rules={documents} selected={shown.id} onSelect={onSelect} />
      <RuleDetail rule={shown} />
    </div>
  );
}

function RuleDetail({ rule }: { readonly rule: RuleDocument }) {
  return (
    <article className={classes.detail} aria-label={rule.id}>
      <h2 className={classes.id}>{rule.id}</h2>
      {rule.effect === null ? null : <RuleSentence rule={{ ...rule, effect: rule.effect }} />}
      {rule.reason ? <p className={classes.reason}>“{rule.reason}”</p> : null}
      <RuleFacts rule={rule} />
      {rule.findings.length > 0 ? (
        <ul className={classes.findings}>
          {rule.findings.map((finding) => (
            <li key={`${finding.code} ${finding.message}`} className={classes.finding}>
              <SeverityMark severity={finding.severity} />
              <span>
                <Quoted text={finding.message} />
                <code className={classes.code}>{finding.code}</code>
              </span>
            </li>
          ))}
        </ul>
      ) : null}
    </article>
  );
}
