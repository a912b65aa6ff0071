/** What a reader of docs/exchange.md would write down of the two formats. */
export interface BundleExport {
  readonly bundle: Record<string, unknown> & { version: string; rules: Record<string, unknown>[] };
  readonly digest: string;
  readonly exported_at: string;
  readonly expires_at: string;
  readonly format_version: string;
  readonly key_id: string;
  readonly signature: string;
}

export interface Envelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: { keyid: string; sig: string }[];
}

/** RFC 8785 by hand, for JSON values without lone surrogates: another pen than the product's. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join()}}`;
}
