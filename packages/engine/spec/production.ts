/** The production engine, taking the bundles that the specification takes. */
import { type CompiledPolicy, compile, type Lists, type RuleInput } from '../src/index.js';
import type { Bundle } from './decide.js';

/** The compiled bundle; throws with the diagnostics when the engine refuses it. */
export function compiled(bundle: Bundle): CompiledPolicy {
  const { rules, lists = {}, default_effect: defaultEffect } = bundle;
  const policy = compile(
    { rules: rules as readonly RuleInput[] },
    lists as unknown as Lists,
    defaultEffect === undefined ? {} : { defaultEffect },
  );
  if (Array.isArray(policy)) throw new Error(`the engine refuses a valid bundle: ${JSON.stringify(policy)}`);
  return policy as CompiledPolicy;
}
