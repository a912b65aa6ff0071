import { canonicalJson } from '@policy-studio/engine';
import type { ExportContent } from './schemas/exchange.js';

/** The version of what an export is made of and of what its signature covers. */
export const exportFormat = '1.0';

/** Hours that an export may be good for. */
export const expiryHours = { least: 1, most: 8760, default: 24 } as const;

const hourMs = 3_600_000;
/** How far the clocks of two servers may be apart. */
const skewMs = 60_000;

/** What the signature of an export is over: everything but the signature, in its RFC 8785 form. */
export function signedExportText(signed: ExportContent & { readonly key_id: string }): string {
  const { bundle, digest, exported_at, expires_at, format_version, key_id } = signed;
  return canonicalJson({ bundle, digest, exported_at, expires_at, format_version, key_id });
}

/** The payload of an envelope, in its RFC 8785 form. */
export function exportPayloadText(content: ExportContent): string {
  const { bundle, digest, exported_at, expires_at, format_version } = content;
  return canonicalJson({ bundle, digest, exported_at, expires_at, format_version });
}

/** Why a document of these times is not good at `now`, with a minute for clocks that differ; null when it is. */
export function lifetimeFault(
  { exported_at: from, expires_at: until }: Pick<ExportContent, 'exported_at' | 'expires_at'>,
  now: Date,
): string | null {
  const [fromMs, untilMs] = [Date.parse(from), Date.parse(until)];
  if (Number.isNaN(fromMs) || Number.isNaN(untilMs)) return 'its times do not exist';
  if (untilMs <= fromMs || untilMs - fromMs > expiryHours.most * hourMs) {
    return `it claims to be good from ${from} to ${until}; an export is good for 1 to ${expiryHours.most} hours`;
  }
  if (now.getTime() > untilMs + skewMs) return `it expired at ${until}; export the bundle again`;
  if (now.getTime() < fromMs - skewMs) {
    return `it was exported at ${from}, which is not yet; the clocks of the two sides differ by more than a minute`;
  }
  return null;
}
