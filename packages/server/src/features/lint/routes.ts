import { operations } from '@policy-studio/contract';
import type { FastifyInstance } from 'fastify';
import type { RulesText } from '../../compute/tasks/lint.js';
import { invalid, route } from '../../http/route.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lintNow } from './queries.js';

export function lintRoutes(app: FastifyInstance, services: Services): void {
  route(app, services, operations.lintRules, async ({ caller, body, bodyText }) => {
    const source = sourceOf(body, bodyText);
    if (source instanceof Refusal) return source;
    const linted = await lintNow(services, caller.workspaceId, source);
    return linted instanceof Refusal ? linted : linted.report;
  });
}

function sourceOf(
  { rules, source, format }: { rules?: unknown; source?: string; format?: 'json' | 'yaml' },
  bodyText: string,
): RulesText | Refusal {
  if (rules === undefined && source !== undefined) return { format: format ?? 'json', text: source };
  if (rules !== undefined && source === undefined && format === undefined) return { format: 'body', text: bodyText };
  return invalid([{ path: '', message: 'must have either `rules`, or `source` with its `format`' }]);
}
