/**
 * Hosts as the WHATWG URL parser sees them, since that is the parser a browser or an agent's HTTP client will use:
 * user info, back slashes, tabs, percent escapes and full-width letters are its business, not ours.
 */

const emailAddress = /^[^@\s:/<>,"]+@([^@\s:/<>,"]+)$/;
// What would end a host, begin a port or be silently dropped by the URL parser cannot stand in a host name; nor can a
// wild card, which the parser lets pass and which would match nothing.
const notInHostName = /[\s\p{Cc}/\\?#@*]/u;

// The URL parser drops leading controls and spaces, and tabs and line breaks anywhere.
const scheme = /^[\p{Cc} ]*[A-Za-z][A-Za-z0-9+.\-\t\n\r]*:/u;

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
  // Most texts that are no URL have no scheme; refusing those here spares an exception each.
  if (!scheme.test(text)) return null;
  let host: string;
  try {
    // Not `URL.canParse`: on Node 20 it answers wrongly for Latin-1 letters once its caller is optimised.
    host = new URL(text).hostname.toLowerCase();
  } catch {
    return null;
  }
  const bare = host.endsWith('.') ? host.slice(0, -1) : host;
  return bare === '' ? null : bare;
}
