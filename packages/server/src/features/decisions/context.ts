import { limits } from '@policy-studio/engine';
import { type Refusal, refuse } from '../../refusal.js';

/**
 * The JSON text of a request's context when it is within the limits (64 KiB, 32 levels), else why not. The depth is
 * looked at first: nothing below walks a structure whose depth the sender chose.
 */
export function contextText(context: Readonly<Record<string, unknown>>): string | Refusal {
  if (depthExceeds(context, limits.contextDepth)) {
    return invalid(`the context is nested deeper than ${limits.contextDepth} levels`);
  }
  const text = JSON.stringify(context);
  // A UTF-16 unit is at most three bytes: most contexts need no exact count.
  if (text.length * 3 > limits.contextBytes && Buffer.byteLength(text) > limits.contextBytes) {
    return invalid(
      `the context is larger than ${limits.contextBytes} bytes of JSON; send what rules read, not documents`,
    );
  }
  return text;
}

function invalid(message: string): Refusal {
  return refuse('validation_failed', message, [{ path: '/context', message }]);
}

function depthExceeds(value: object, levels: number): boolean {
  if (levels === 0) return true;
  for (const key in value) {
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner === 'object' && inner !== null && depthExceeds(inner, levels - 1)) return true;
  }
  return false;
}
