/**
 * Hosts as the WHATWG URL parser sees them, since that is the parser a browser or an agent's HTTP client will use:
 * user info, back slashes, tabs, percent escapes and full-width letters are its business, not ours.
 */

const emailAddress = /^[^@\s:/<>,"]+@([^@\s:/<>,"]+)$/;
// What would end a host, begin a port or be silently dropped by the URL parser cannot stand in a host name; nor can a
// wild card, which the parser lets pass and which would match nothing.
const notInHostName = /[\s\p{Cc}/\\?#@*]/u;

/** The host of a URL or of a bare e-mail address, lower-case and without one trailing dot; null when there is none. */
export function hostOf(text: string): string | null {
  const domain = emailAddress.exec(text)?.[1];
  return domain === undefined ? urlHost(text) : hostName(domain);
}

/** A host name by itself (`Example.COM`, `münchen.de`, `[::1]`) as a URL would hold it; null when it is none. */
export function hostName(text: string): string | null {
  if (notInHostName.test(text) || (text.includes(':') && !text.startsWith('['))) return null;
  return /\]./.test(text) ? null : urlHost(`https://${text}`);
}

/** Whether the host is one of the domains or below one of them. */
export function hostWithin(host: string, domains: ReadonlySet<string>): boolean {
  if (domains.has(host)) return true;
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    if (domains.has(host.slice(dot + 1))) return true;
  }
  return false;
}

/** The hosts of a string or of an array of strings; null when anything in it has none. */
export function hostsOf(value: unknown): readonly string[] | null {
  const hosts: string[] = [];
  for (const text of Array.isArray(value) ? value : [value]) {
    const host = typeof text === 'string' ? hostOf(text) : null;
    if (host === null) return null;
    hosts.push(host);
  }
  return hosts;
}

function urlHost(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const host = new URL(text).hostname.toLowerCase();
  const bare = host.endsWith('.') ? host.slice(0, -1) : host;
  return bare === '' ? null : bare;
}
