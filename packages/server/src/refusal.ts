import type { ProblemCode, ProblemItem } from '@policy-studio/contract';

/** An expected "no": a value, not an exception. The HTTP layer turns it into a problem. */
export class Refusal {
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly errors: readonly ProblemItem[] = [],
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {}
}

/** `refuse('not_found', 'there is no bundle 7, list them with GET /policy/bundles')` */
export function refuse(
  code: ProblemCode,
  detail: string,
  errors: readonly ProblemItem[] = [],
  extra: Readonly<Record<string, unknown>> = {},
): Refusal {
  return new Refusal(code, detail, errors, extra);
}
