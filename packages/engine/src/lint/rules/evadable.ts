import { fieldsOf, testsOf } from '../../condition.js';
import type { Path } from '../../diagnostic.js';
import type { SoundRule } from '../../rule.js';
import { at, type LintCheck } from '../check.js';
import { createDodger, type Dodge } from '../dodge.js';
import { replace } from '../edits.js';
import type { PatchOperation, Suggestion } from '../finding.js';
import type { LintMemory } from '../memory.js';
import { verdict } from '../wording.js';
import { pathOf } from '../written-tests.js';

export const check: LintCheck = {
  code: 'evadable',
  severity: 'warning',
  *find(context) {
    const { schemas, active, enforceContext, memory } = context;
    if (schemas === null) return;
    const dodgesOf = createDodger(context, schemas);
    for (const each of active) {
      if (each.rule.effect === 'allow') continue;
      for (const dodge of dodgesOf(each)) {
        const { pair, context: dodging, effect, decidedBy } = dodge;
        const by = decidedBy === null ? 'the default effect' : `\`${decidedBy}\``;
        const path = pathTo(memory, each, dodge.read);
        const reach = enforceContext
          ? `the schema of \`${pair.action}\` lets that through`
          : 'nothing stops that while `enforce_context` is off';
        yield {
          rule: at(each),
          path,
          message: `\`${each.rule.id}\` can be dodged: with \`${dodge.read}\` ${shortly(dodge.value)} a request is ${verdict[each.rule.effect]}, and once the caller ${dodge.change} \`${dodge.field}\` it is ${verdict[effect]} by ${by}; ${reach}`,
          suggestion: remedy(each, path, dodge, enforceContext),
          witness: { ...pair, context: dodging },
          ...(decidedBy === null ? {} : { related: [decidedBy] }),
        };
      }
    }
  },
};

function pathTo(memory: LintMemory, each: SoundRule, field: string): Path {
  const test = testsOf(each.condition).find((candidate) => fieldsOf(candidate).includes(field));
  return test === undefined ? ['conditions'] : pathOf(memory, each, test);
}

function remedy(each: SoundRule, path: Path, { read, field, change }: Dodge, isEnforced: boolean): Suggestion {
  const inSchema = isEnforced
    ? `make \`${read}\` required, of one type, in the schema`
    : 'turn `enforce_context` on, with the field required in the schema';
  if (change !== 'leaves out') return { message: inSchema };
  const patch = alsoWhenMissing(each, path, read);
  const inRule = `let the rule hold when \`${field}\` is missing too: \`any\` of the test and \`${read} exists: false\``;
  if (patch === null) return { message: `${inSchema}, or ${inRule}` };
  return { message: `${inSchema}, or ${inRule}`, patch, changes_decisions: true };
}

function shortly(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? 'as the rule has it' : `at \`${text}\``;
}

/** The rule with `"f exists": false` as an alternative to its test of the field, where there is one such test. */
function alsoWhenMissing(
  { index, rule, condition }: SoundRule,
  path: Path,
  field: string,
): readonly PatchOperation[] | null {
  const tests = testsOf(condition).filter((test) => fieldsOf(test).includes(field));
  if (tests.length !== 1 || Object.hasOwn(rule.conditions, 'any')) return null;
  const [at, key, ...deeper] = path;
  if (at !== 'conditions' || typeof key !== 'string' || deeper.length > 0) return null;
  const rest = Object.entries(rule.conditions).filter(([name]) => name !== key);
  const alternatives = [{ [key]: rule.conditions[key] }, { [`${field} exists`]: false }];
  return [replace([index, 'conditions'], { ...Object.fromEntries(rest), any: alternatives })];
}
