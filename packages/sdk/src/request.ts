import { ConcreteName } from '@policy-studio/contract';
import { limits } from '@policy-studio/engine';
import { type JsonFault, jsonFault } from './json-fault.js';

/** A question as an agent's enforcement point asks it. */
export interface LocalRequest {
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly session?: string;
}

// TypeBox keeps a schema's keywords out of its type.
const grammar = ConcreteName as unknown as { readonly pattern: string; readonly maxLength: number };
const concreteName = new RegExp(grammar.pattern);

/**
 * The first thing a server would refuse in a request, or null: a name outside the grammar, a context that is no object, holds
 * what JSON cannot carry, is too deep or too large. Other members are not looked at. `jsonBytes`, when the request was
 * read from text of that many bytes, spares measuring the context.
 */
export function requestFault(request: unknown, jsonBytes = Number.POSITIVE_INFINITY): JsonFault | null {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    return { path: '', message: 'a request is an object with `agent`, `action` and `context`' };
  }
  const { agent, action, context } = request as Partial<Record<string, unknown>>;
  return nameFault('agent', agent) ?? nameFault('action', action) ?? contextFault(context, jsonBytes);
}

function nameFault(member: string, value: unknown): JsonFault | null {
  if (value === undefined) return { path: `/${member}`, message: `\`${member}\` is missing` };
  if (typeof value !== 'string' || value.length > grammar.maxLength || !concreteName.test(value)) {
    return {
      path: `/${member}`,
      message: `\`${member}\` must be a name of at most ${grammar.maxLength} letters, digits, \`_ - / :\`, in segments joined by dots`,
    };
  }
  return null;
}

function contextFault(context: unknown, jsonBytes: number): JsonFault | null {
  if (context === undefined) return { path: '/context', message: '`context` is missing' };
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    return { path: '/context', message: '`context` must be an object' };
  }
  const fault = jsonFault(context, limits.contextDepth);
  if (fault !== null) {
    const path = `/context${fault.path}`;
    return { path, message: `\`${path}\` ${fault.message}` };
  }
  if (jsonBytes <= limits.contextBytes) return null;
  const text = JSON.stringify(context);
  // A UTF-16 unit takes at most three bytes, so most contexts need no encoding to be known small.
  if (text.length * 3 <= limits.contextBytes || new TextEncoder().encode(text).length <= limits.contextBytes) {
    return null;
  }
  return { path: '/context', message: `\`context\` is larger than ${limits.contextBytes} bytes of JSON` };
}
