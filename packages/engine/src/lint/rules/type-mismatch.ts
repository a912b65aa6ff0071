import { type ContextTyping, domainOf, type FieldDomain } from '../../analysis/domain.js';
import { type Scalar, type Test, testsOf } from '../../condition.js';
import { nearest } from '../../diagnostic.js';
import type { SoundRule } from '../../rule.js';
import { at, type Found, type LintCheck, type LintContext } from '../check.js';
import { replace, valueAt } from '../edits.js';
import type { Suggestion } from '../finding.js';
import { type Misfit, misfitOf } from '../misfit.js';
import { described, isNamed, isSetByServer } from '../schemas.js';
import { pathOf } from '../written-tests.js';

export const check: LintCheck = {
  code: 'type-mismatch',
  severity: 'warning',
  *find(context) {
    for (const each of context.active) {
      const typings = context.schemas?.typingsIn(each.rule) ?? null;
      for (const test of testsOf(each.condition)) {
        if (typings !== null || isSetByServer(test.field)) yield* mismatch(context, each, test, typings);
      }
    }
  },
};

/** Only where the test does not fit in any action that the rule is about. */
function* mismatch(
  context: LintContext,
  each: SoundRule,
  test: Test,
  typings: readonly ContextTyping[] | null,
): Iterable<Found> {
  let first: { misfit: Misfit; domain: FieldDomain } | null = null;
  for (const [domain, right] of domainsOf(test, typings)) {
    const misfit = misfitOf(test, domain, right, context.policy.index.resources);
    if (misfit === null) return;
    first ??= { misfit, domain };
  }
  if (first === null) return;
  const path = pathOf(context.memory, each, test);
  const source = isSetByServer(test.field) ? 'as the server sets it' : 'says the schema';
  yield {
    rule: at(each),
    path,
    message: `in \`${each.rule.id}\`, ${first.misfit.message}: \`${test.field}\` holds ${described(first.domain)}, ${source}`,
    suggestion: corrected(each, path, first.misfit.stray, first.domain),
  };
}

/** What the two sides of the test may hold in each action; nothing where that is not known of all. */
function* domainsOf(
  { field, operand }: Test,
  typings: readonly ContextTyping[] | null,
): Iterable<readonly [FieldDomain, FieldDomain]> {
  const other = operand.kind === 'field' ? operand.field : field;
  if (isSetByServer(field) && isSetByServer(other)) {
    yield [domainOf(field, undefined), domainOf(other, undefined)];
    return;
  }
  const isKnown = (name: string) => isSetByServer(name) || typings?.every((typing) => isNamed(typing, name)) === true;
  if (typings === null || !isKnown(field) || !isKnown(other)) return;
  for (const typing of typings) yield [domainOf(field, typing), domainOf(other, typing)];
}

/** The value the author may have meant, where one stray value is written as such. */
function corrected(
  each: SoundRule,
  path: Found['path'],
  stray: readonly Scalar[],
  domain: FieldDomain,
): Suggestion | null {
  const [value] = stray;
  const written = path === undefined ? undefined : valueAt(each.rule, path);
  const meant = value === undefined || stray.length > 1 ? null : meantBy(value, domain);
  if (path === undefined || meant === null) return null;
  const place = Array.isArray(written) ? [...path, written.indexOf(value)] : written === value ? path : null;
  if (place === null || place.at(-1) === -1) return null;
  return {
    message: `write \`${JSON.stringify(meant)}\``,
    patch: [replace([each.index, ...place], meant)],
    changes_decisions: true,
  };
}

function meantBy(value: Scalar, { types, values }: FieldDomain): Scalar | null {
  const texts = (values ?? []).filter((each) => typeof each === 'string');
  if (typeof value === 'string') {
    const near = nearest(value, texts);
    if (near !== null) return near;
    const isNumeric = types?.some((type) => type === 'number' || type === 'integer') === true;
    if (isNumeric && /^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return Number(value);
    return types?.includes('boolean') && (value === 'true' || value === 'false') ? value === 'true' : null;
  }
  return types?.length === 1 && types[0] === 'string' && values === undefined ? String(value) : null;
}
