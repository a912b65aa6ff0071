export interface AskedRequest {
  readonly agent: string;
  readonly action: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/** The request that a text says, or what is wrong with it in a sentence. */
export function readRequest(text: string): AskedRequest | { readonly fault: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { fault: `This is no JSON yet: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (!isRecord(value)) return { fault: 'A request is an object with agent, action and context.' };
  const { agent, action, context = {} } = value;
  if (typeof agent !== 'string' || agent === '') return { fault: 'Say which agent asks: "agent": "inbox.triage"' };
  if (typeof action !== 'string' || action === '') return { fault: 'Say what it wants to do: "action": "quarantine"' };
  if (!isRecord(context)) return { fault: 'The context is an object: "context": {}' };
  return { agent, action, context };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
