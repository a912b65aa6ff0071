import { type Condition, type Operand, type Operator, parseCondition, type Test } from '@policy-studio/engine';

/** A part of a sentence: words, a field's name, a value, or what the rule does. */
export interface Piece {
  readonly kind: 'text' | 'field' | 'value' | 'name';
  readonly text: string;
}

/** What a sentence needs of a rule. */
export interface SentenceRule {
  readonly agent: string;
  readonly action: string;
  readonly effect: 'allow' | 'deny' | 'needs_approval';
  readonly conditions?: unknown;
}

const text = (words: string): Piece => ({ kind: 'text', text: words });
const field = (name: string): Piece => ({ kind: 'field', text: name });

/**
 * A rule as one English sentence, after the word of its effect: `inbox.triage to quarantine when risk_score is at least
 * 85 and …`. Null when its conditions do not parse: then they have no meaning to put into words.
 */
export function ruleSentence({ agent, action, conditions }: SentenceRule): readonly Piece[] | null {
  const condition = parseCondition(conditions ?? {});
  if (Array.isArray(condition)) return null;
  const who: readonly Piece[] = [whoWords(agent), text(' to '), whatWords(action)];
  if (condition.kind === 'all' && condition.of.length === 0) return [...who, text(', always.')];
  return [...who, ...when(condition as Condition), text('.')];
}

function whoWords(agent: string): Piece {
  if (agent === '*') return text('any agent');
  return { kind: 'name', text: agent };
}

function whatWords(action: string): Piece {
  if (action === '*') return text('do anything');
  return { kind: 'name', text: action };
}

/** Exceptions come last, as people say them: "when …, unless …". */
function when(condition: Condition): readonly Piece[] {
  const parts = condition.kind === 'all' ? condition.of : [condition];
  const exceptions = parts.filter(isException);
  const rest = parts.filter((part) => !isException(part));
  return [
    ...(rest.length > 0 ? [text(' when '), ...joined(rest, ' and ')] : []),
    ...exceptions.flatMap((part) => [text(', unless '), ...words(part.of)]),
  ];
}

interface Exception {
  readonly kind: 'not';
  readonly of: Test;
}

function isException(condition: Condition): condition is Exception {
  return condition.kind === 'not' && condition.of.kind === 'test';
}

function joined(conditions: readonly Condition[], by: string): readonly Piece[] {
  return conditions.flatMap((condition, index) => [...(index > 0 ? [text(by)] : []), ...words(condition)]);
}

/** The words of a condition inside a sentence. */
export function words(condition: Condition): readonly Piece[] {
  switch (condition.kind) {
    case 'test':
      return testWords(condition);
    case 'not':
      return [text('it is not so that '), ...words(condition.of)];
    case 'all':
      if (condition.of.length === 0) return [text('always')];
      return allWords(condition.of);
    case 'any':
      if (condition.of.length === 0) return [text('never')];
      if (condition.of.length === 1) return words(condition.of[0] as Condition);
      return [text('any of these holds: '), ...listed(condition.of)];
  }
}

function allWords(parts: readonly Condition[]): readonly Piece[] {
  const exceptions = parts.filter(isException);
  const rest = parts.filter((part) => !isException(part));
  if (rest.length === 0) return joined(parts, ' and ');
  return [...joined(rest, ' and '), ...exceptions.flatMap((part) => [text(', unless '), ...words(part.of)])];
}

function listed(conditions: readonly Condition[]): readonly Piece[] {
  return conditions.flatMap((condition, index) => {
    const last = index === conditions.length - 1;
    return [...(index === 0 ? [] : [text(last ? '; or ' : '; ')]), ...words(condition)];
  });
}

const comparisons: Readonly<Record<Operator, string>> = {
  '>=': 'is at least',
  '<=': 'is at most',
  '>': 'is above',
  '<': 'is below',
  '==': 'is',
  '!=': 'is not',
  in: 'is',
  not_in: 'is not',
  contains: 'contains',
  not_contains: 'does not contain',
  starts_with: 'starts with',
  ends_with: 'ends with',
  matches: 'matches',
  exists: 'is there',
  is_empty: 'is empty',
  any_in: 'has one of',
  all_in: 'has only',
  domain_in: 'is of the domain',
};

/** A test as people say it: `risk_score` is at least 85. Named for the one operator the builder offers it by, too. */
export function operatorWords(operator: Operator, operand: Operand): string {
  if (operand.kind === 'list') {
    switch (operator) {
      case 'in':
      case '==':
        return 'is in the list';
      case 'not_in':
      case '!=':
        return 'is not in the list';
      case 'any_in':
        return 'has one of the list';
      case 'all_in':
        return 'has only what is in the list';
      case 'domain_in':
        return 'is of a domain in the list';
    }
  }
  return comparisons[operator];
}

function testWords({ field: name, operator, operand }: Test): readonly Piece[] {
  if ((operator === 'exists' || operator === 'is_empty') && operand.kind === 'value') {
    const is = operand.value === true;
    const what = operator === 'exists' ? 'there' : 'empty';
    return [field(name), text(is ? ` is ${what}` : ` is not ${what}`)];
  }
  return [field(name), text(` ${operatorWords(operator, operand)} `), ...operandWords(operator, operand)];
}

/** As many values as a sentence bears. */
const valuesShown = 4;

function operandWords(operator: Operator, operand: Operand): readonly Piece[] {
  switch (operand.kind) {
    case 'value':
      return [value(operand.value)];
    case 'list':
      return [{ kind: 'name', text: operand.name }];
    case 'field':
      return [field(operand.field)];
    case 'values': {
      const { values } = operand;
      const shown = values.length > valuesShown + 1 ? values.slice(0, valuesShown) : values;
      const more = values.length - shown.length;
      const last = operator === 'not_in' || operator === '!=' ? ' nor ' : ' or ';
      return [
        ...shown.flatMap((each, index) => [
          ...(index === 0 ? [] : [text(index === shown.length - 1 && more === 0 ? last : ', ')]),
          value(each),
        ]),
        ...(more > 0 ? [text(`${last}one of ${more} more`)] : []),
      ];
    }
  }
}

function value(scalar: unknown): Piece {
  return { kind: 'value', text: scalar === '' ? '""' : String(scalar) };
}
