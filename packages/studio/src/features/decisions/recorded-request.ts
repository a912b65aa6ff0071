/** Of a recorded decision, what it was made from. */
export interface Recorded {
  readonly decision_id: string;
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly facts_used: Readonly<Record<string, unknown>>;
  readonly redacted: readonly string[];
  readonly policy_effect: 'allow' | 'deny' | 'needs_approval';
  readonly matched_rule: string | null;
}

export interface RequestField {
  readonly name: string;
  /** As JSON. */
  readonly value: string;
  readonly from: 'context' | 'fact of the server' | 'not kept: sensitive' | 'not used: only the server sets it';
}

/** Every field that the rules could read, by origin; nested ones by their path, as in rules. */
export function requestFields({ context, facts_used, redacted }: Recorded): readonly RequestField[] {
  const sent = leaves(context).map(({ name, value }): RequestField => {
    const hidden = redacted.some((field) => name === field || name.startsWith(`${field}.`));
    const discarded = Object.hasOwn(facts_used, name);
    return {
      name,
      value,
      from: hidden ? 'not kept: sensitive' : discarded ? 'not used: only the server sets it' : 'context',
    };
  });
  const facts = leaves(facts_used).map(
    ({ name, value }): RequestField => ({ name, value, from: 'fact of the server' }),
  );
  return [...sent, ...facts];
}

function leaves(values: Readonly<Record<string, unknown>>, prefix = ''): { name: string; value: string }[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const name = `${prefix}${key}`;
    const nested =
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    return nested ? leaves(value as Record<string, unknown>, `${name}.`) : [{ name, value: JSON.stringify(value) }];
  });
}

/** What the policy was asked: the context with the facts of that time, which go before what an agent says of them. */
export function recordedContext({ context, facts_used }: Recorded): Readonly<Record<string, unknown>> {
  return { ...context, ...facts_used };
}

/** A case of a test suite that expects what the rules said. */
export function testCaseOf(recorded: Recorded) {
  const { decision_id, agent, action, policy_effect, matched_rule } = recorded;
  return {
    case_id: `${agent} ${action} ${decision_id.slice(-6)}`,
    agent,
    action,
    context: recordedContext(recorded),
    expected_effect: policy_effect,
    expected_rule: matched_rule,
  };
}
