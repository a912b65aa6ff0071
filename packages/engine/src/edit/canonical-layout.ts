import { ruleSchema } from '../generated/rule-schema.js';

/** The keys of a rule and of its budget, in the order they are written. */
export const ruleKeys: readonly string[] = Object.keys(ruleSchema.properties);
export const budgetKeys: readonly string[] = Object.keys(ruleSchema.properties.budget.properties);

/** Arrays of scalars that are no longer than this stand on one line. */
export const inlineChars = 80;
