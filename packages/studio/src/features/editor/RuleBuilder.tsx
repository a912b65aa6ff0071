import { SegmentedControl, Switch } from '@mantine/core';
import type { PatchOperation } from '@policy-studio/engine';
import type { EffectName } from '../../domain/effect.js';
import { effectLooks } from '../../domain/effect.js';
import { RuleSentence } from '../../domain/RuleSentence.js';
import classes from './Builder.module.css';
import { CommitInput } from './CommitInput.js';
import { Conditions } from './Conditions.js';
import { pointer, setPart } from './condition-rows.js';

interface RuleBuilderProps {
  readonly rules: readonly unknown[];
  readonly index: number;
  /** Why nothing can be edited here now. */
  readonly fault: string | null;
  readonly onEdit: (patch: readonly PatchOperation[], kind: string) => void;
}

const namePattern = /^(\*|[A-Za-z0-9_:/-]+(\.[A-Za-z0-9_:/-]+)*(\.\*)?)$/;

/** One rule: the sentence it says, and every part of it to change. */
export function RuleBuilder({ rules, index, fault, onEdit }: RuleBuilderProps) {
  const rule = recordOf(rules[index]);
  const readOnly = fault !== null;
  const set = (key: string, value: unknown): true => {
    const path = [index, key];
    onEdit(setPart(rules, path, value), pointer(path));
    return true;
  };
  const textOf = (key: string): string => (typeof rule[key] === 'string' ? rule[key] : '');
  const effect = (['allow', 'deny', 'needs_approval'] as const).find((name) => name === rule.effect) ?? null;
  const named = (label: string, key: 'agent' | 'action') => (
    <>
      <span>{label}</span>
      <CommitInput
        label={label}
        value={textOf(key)}
        disabled={readOnly}
        onCommit={(text) => namePattern.test(text.trim()) && set(key, text.trim())}
      />
    </>
  );
  return (
    <article className={classes.builder} aria-label={textOf('id')}>
      {fault === null ? null : (
        <p className={classes.notice} role="alert">
          The text cannot be read ({fault}). These are the rules from before; mend the text to go on.
        </p>
      )}
      {effect === null ? null : (
        <RuleSentence
          rule={{ agent: textOf('agent'), action: textOf('action'), effect, conditions: rule.conditions ?? {} }}
        />
      )}
      <Conditions rules={rules} index={index} conditions={rule.conditions ?? {}} readOnly={readOnly} onEdit={onEdit} />
      <div className={classes.facts}>
        {named('Agent', 'agent')}
        {named('Action', 'action')}
        <span>Effect</span>
        <SegmentedControl
          aria-label="Effect"
          disabled={readOnly}
          value={effect ?? ''}
          data={(['allow', 'deny', 'needs_approval'] as const).map((value) => ({
            value,
            label: effectLooks[value].word,
          }))}
          onChange={(value) => set('effect', value as EffectName)}
        />
        <span>Reason</span>
        <CommitInput
          label="Reason"
          value={textOf('reason')}
          disabled={readOnly}
          onCommit={(text) => text.length <= 256 && set('reason', text === '' ? undefined : text)}
        />
        <span>Priority</span>
        <CommitInput
          label="Priority"
          value={typeof rule.priority === 'number' ? String(rule.priority) : '50'}
          disabled={readOnly}
          onCommit={(text) => /^(1000|[0-9]{1,3})$/.test(text.trim()) && set('priority', Number(text))}
        />
        <span>Tags</span>
        <CommitInput
          label="Tags"
          value={Array.isArray(rule.tags) ? rule.tags.map(String).join(', ') : ''}
          disabled={readOnly}
          onCommit={(text) => {
            const tags = text
              .split(',')
              .map((tag) => tag.trim())
              .filter((tag) => tag !== '');
            if (tags.length > 32 || tags.some((tag) => tag.length > 64)) return false;
            return set('tags', tags.length === 0 ? undefined : tags);
          }}
        />
        <span>Asked</span>
        <Switch
          aria-label="Enabled"
          size="xs"
          disabled={readOnly}
          checked={rule.enabled !== false}
          onChange={(event) => set('enabled', event.currentTarget.checked ? undefined : false)}
        />
      </div>
    </article>
  );
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
